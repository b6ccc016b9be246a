package ami

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

//go:embed recipes/*.sh
var recipes embed.FS

// Architectures are the architectures for which there are recipes.
var Architectures = []string{"amd64", "arm64", "cuda"}

// Recipe is the recipe of one image. Every string is data and may contain any byte but NUL.
type Recipe struct {
	// Machine has the Architecture ("cuda": amd64 or, on Graviton with a GPU, arm64, with NVIDIA's driver and container
	// toolkit), the SetupScript, which root runs once docker, the runner and its user are installed and which fails the
	// bake if one of its commands fails, and the CACertificates that the image trusts.
	machine.Machine
	// Software is the runner to install. Without a URL the builder downloads the newest from github.com.
	Software bootstrap.Software
	// DownloadToken is sent to the host of Software's URL, if GitHub Enterprise Server requires it.
	DownloadToken string
	// Nonce is part of every line that the builder prints to its console: letters, digits and "-".
	Nonce string
	// End is when the builder powers itself off in any case; zero means never.
	End time.Time
}

var (
	nonceWord = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// UserData returns the builder's user data, compressed and before base64. If it exceeds EC2's limit, the error is a
// *bootstrap.TooLargeError.
func (r Recipe) UserData() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	data := r.script().Pack()
	if len(data) > bootstrap.Limit {
		return nil, r.tooLarge()
	}
	return data, nil
}

// Hash returns a hash, 64 hexadecimal digits, of what determines the content of the image except its base and its
// runner: the recipe's shell code, the setup script, the architecture, the certificates.
func (r Recipe) Hash() string {
	hash := sha256.New()
	for _, part := range []string{r.Architecture, r.code(), text("early"), r.setupScript(), r.CACertificates} {
		// The length is included so that different lists of parts cannot be the same bytes.
		fmt.Fprintf(hash, "%d\n%s", len(part), part)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

func (r Recipe) script() bootstrap.Script {
	return bootstrap.Script{
		Secrets: []bootstrap.Value{{Key: "download_token", Value: r.DownloadToken}},
		// The first three are relied on by readers of user data, such as the simulator's machines.
		Values: []bootstrap.Value{{Key: "bake", Value: r.Architecture}, {Key: "nonce", Value: r.Nonce},
			{Key: "end", Value: r.end()}},
		Code: r.code(),
		Texts: []bootstrap.Text{
			{Name: "software", Text: r.softwareLine()},
			{Name: "certificates", Text: r.CACertificates},
			{Name: "early", Text: text("early")},
			{Name: "script", Text: r.setupScript()},
		},
	}
}

// end returns End in seconds since 1970, "0" for never.
func (r Recipe) end() string {
	if r.End.IsZero() {
		return "0"
	}
	return strconv.FormatInt(r.End.Unix(), 10)
}

// code returns the shell code, which is the same for every recipe of an architecture: chapters of runners' machines,
// the common part, the architecture's own, and the commands.
func (r Recipe) code() string {
	code := bootstrap.Chapters("log", "tail", "values", "software", "stream", "newest", "exit")
	for _, name := range []string{"common", "packages", "docker", "runner", "setup", "boot", "prove", "clean",
		r.Architecture, "verbs"} {
		code += text(name)
	}
	return code
}

// text returns a file of recipes without comments.
func text(name string) string {
	all, err := recipes.ReadFile("recipes/" + name + ".sh")
	if err != nil {
		panic("read embedded " + name + ".sh: " + err.Error())
	}
	shebang, rest, _ := strings.Cut(string(all), "\n")
	if !strings.HasPrefix(shebang, "#!") {
		return bootstrap.Bare(bootstrap.WithSource(string(all)))
	}
	return shebang + "\n" + bootstrap.Bare(rest)
}

// setupScript returns the user's script with Unix line ends.
func (r Recipe) setupScript() string { return strings.ReplaceAll(r.SetupScript, "\r\n", "\n") }

// softwareLine returns the line that egr_choose_download reads: architecture, checksum or "-", version, address.
func (r Recipe) softwareLine() string {
	if r.Software.URL == "" {
		return ""
	}
	return fmt.Sprintf("%s %s %s %s\n", r.Software.Architecture, cmp.Or(strings.ToLower(r.Software.SHA256), "-"),
		r.Software.Version, r.Software.URL)
}

// check refuses a recipe that no builder can use, with all problems in one error.
func (r Recipe) check() error {
	var errs []error
	if !slices.Contains(Architectures, r.Architecture) {
		errs = append(errs, fmt.Errorf("make user data: there is no recipe for the architecture %q: use one of %s",
			r.Architecture, strings.Join(Architectures, ", ")))
	}
	if !nonceWord.MatchString(r.Nonce) {
		errs = append(errs, fmt.Errorf("make user data: not a nonce: %q", r.Nonce))
	}
	if strings.Contains(r.SetupScript+r.CACertificates+r.DownloadToken, "\x00") {
		errs = append(errs, errors.New("make user data: a NUL byte, which no shell can carry"))
	}
	if s := r.Software; s.URL != "" {
		errs = append(errs, s.Check())
	}
	return errors.Join(errs...)
}

func (r Recipe) tooLarge() error {
	return bootstrap.TooLarge("the recipe", func() int { return len(r.script().Pack()) },
		bootstrap.Removal{Name: "setup-script", Remove: func() { r.SetupScript = "" }},
		bootstrap.Removal{Name: "ca-certificates", Remove: func() { r.CACertificates = "" }})
}

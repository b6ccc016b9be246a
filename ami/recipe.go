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

// Architectures are the kinds of image that there is a recipe for.
var Architectures = []string{"amd64", "arm64", "cuda"}

// Recipe is one image's. Every string is data and may hold any byte but NUL.
type Recipe struct {
	// Machine has the Architecture ("cuda" is amd64 or, on Graviton with a GPU, arm64, with NVIDIA's driver and
	// container toolkit), the SetupScript, which root runs when docker, the runner and its user are there, and of which
	// a command that fails ends the bake, and the CACertificates that the image is to trust.
	machine.Machine
	// Software is the runner to put in. Without a URL the builder asks github.com for the newest.
	Software bootstrap.Software
	// DownloadToken is sent to the host of Software's URL, where GitHub Enterprise Server wants one.
	DownloadToken string
	// Nonce is in every line that the builder writes to its console: letters, digits and "-".
	Nonce string
	// End is when the builder powers itself off, whatever it is at; zero for never.
	End time.Time
}

var (
	nonceWord = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// UserData is the builder's, before base64 and compressed. If it is longer than EC2 takes the error is a
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

// Hash is of what decides what is in the image, beside its base and its runner: the recipe's own shell,
// the setup script, the architecture, the certificates. 64 hexadecimal digits.
func (r Recipe) Hash() string {
	hash := sha256.New()
	for _, part := range []string{r.Architecture, r.code(), text("early"), r.setupScript(), r.CACertificates} {
		// With its length in front, so that no two lists of parts are the same bytes.
		fmt.Fprintf(hash, "%d\n%s", len(part), part)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

func (r Recipe) script() bootstrap.Script {
	return bootstrap.Script{
		Secrets: []bootstrap.Value{{Key: "download_token", Value: r.DownloadToken}},
		// The first three are a contract: whoever reads user data (the simulator's machines do) relies on them.
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

// end is End in seconds since 1970, 0 for never.
func (r Recipe) end() string {
	if r.End.IsZero() {
		return "0"
	}
	return strconv.FormatInt(r.End.Unix(), 10)
}

// code is all that bash reads, the same for every recipe of an architecture: what runners' machines have
// too, the common part, the architecture's own, and the verbs.
func (r Recipe) code() string {
	code := bootstrap.Chapters("log", "tail", "values", "software", "stream", "newest", "exit")
	for _, name := range []string{"common", "packages", "docker", "runner", "setup", "boot", "prove", "clean",
		r.Architecture, "verbs"} {
		code += text(name)
	}
	return code
}

// text is a file of recipes without its comments.
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

// setupScript is the user's, with the ends of lines that bash reads.
func (r Recipe) setupScript() string { return strings.ReplaceAll(r.SetupScript, "\r\n", "\n") }

// softwareLine is read by egr_choose_download: architecture, checksum or "-", version, address.
func (r Recipe) softwareLine() string {
	if r.Software.URL == "" {
		return ""
	}
	return fmt.Sprintf("%s %s %s %s\n", r.Software.Architecture, cmp.Or(strings.ToLower(r.Software.SHA256), "-"),
		r.Software.Version, r.Software.URL)
}

// check refuses what no builder could use, all of it at once.
func (r Recipe) check() error {
	var errs []error
	if !slices.Contains(Architectures, r.Architecture) {
		errs = append(errs, fmt.Errorf("make user data: there is no recipe for the architecture %q: it is one of %s",
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

package script

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"
)

// recipe is a recipe of docs/launch-parameters.md: a heading, and the inputs that differ from the page's step.
type recipe struct {
	name   string
	inputs map[string]string
}

const recipesPage = "docs/launch-parameters.md"

// readRecipes reads the page's recipes.
func readRecipes(t *testing.T) []recipe {
	t.Helper()
	raw, err := os.ReadFile(recipesPage)
	if err != nil {
		t.Fatal(err)
	}
	var list []recipe
	for _, section := range strings.Split(string(raw), "\n## ")[1:] {
		heading, text, _ := strings.Cut(section, "\n")
		_, block, found := strings.Cut(text, "```yml\n")
		block, _, _ = strings.Cut(block, "```")
		r := recipe{name: heading}
		if err := yaml.Unmarshal([]byte(block), &r.inputs); err != nil || !found || len(r.inputs) == 0 {
			t.Fatalf("%s: %s: %v", recipesPage, heading, err)
		}
		list = append(list, r)
	}
	if len(list) != 13 {
		t.Fatalf("%d recipes", len(list))
	}
	return list
}

// bought is a world with everything that the recipes name; landscape alone has none of it.
const bought = `
capacity-reservations:
  - {id: cr-0123456789abcdef0, instance-type: p5.48xlarge, zone: us-east-1a, count: 1, block: true}
  - {id: cr-0123456789abcdef1, instance-type: g5.xlarge, zone: us-east-1a, count: 1}
  - {id: cr-0123456789abcdef2, instance-type: g5.xlarge, zone: us-east-1a, count: 1,
     group: "arn:aws:resource-groups:us-east-1:123456789012:group/gpu"}
placement-groups: [{name: training}]
dedicated-hosts: [{id: h-0123456789abcdef0, instance-type: m5.xlarge, zone: us-east-1a, count: 4}]
key-pairs: [my-key]
# Nothing of the reserved types is left for others.
capacity: [{instance-type: "p5*", available: 0}, {instance-type: "g5*", available: 0}]
`

const landscape = `
more:
  subnets:
    - {id: subnet-0123456789abcdef0, zone: us-east-1a, vpc: vpc-0123456789abcdef0, cidr: 10.9.0.0/20}
    - {id: subnet-0123456789abcdef6, zone: us-east-1a, vpc: vpc-0123456789abcdef0, ipv6-only: true, nat: true}
  security-groups: [{id: sg-0123456789abcdef0, region: us-east-1, vpc: vpc-0123456789abcdef0}]
  images:
    - {id: ami-0123456789abcdef0, region: us-east-1, name: ubuntu, owner: self, architecture: x86_64,
       root-device: /dev/sda1}
  instance-types:
    - {name: p5.48xlarge, architecture: x86_64, vcpus: 192, memory-mib: 2097152, gpu: H100, efa: true}
    - {name: c5n.18xlarge, architecture: x86_64, vcpus: 72, memory-mib: 196608, efa: true}
    - {name: c8i.xlarge, architecture: x86_64, vcpus: 4, memory-mib: 8192}
    - {name: m5d.12xlarge, architecture: x86_64, vcpus: 48, memory-mib: 196608}
`

// lacking is EC2's error code, by recipe, if what the recipe names does not exist.
var lacking = map[string]string{
	"A reservation": "InvalidCapacityReservationId.NotFound", "A group of reservations": "ReservationCapacityExceeded",
	"A capacity block for ML": "InvalidCapacityReservationId.NotFound", "A dedicated host": "InvalidHostID.NotFound",
	"EFA and a placement group": "InvalidPlacementGroup.Unknown", "A key pair for SSH": "InvalidKeyPair.NotFound",
}

// notAtMoto are inputs that moto does not support: it has other subnets, no instance profile, and launches only one
// instance if there is a network interface.
var notAtMoto = []string{"subnet-id", "iam-role-name", "count"}

// script returns a script that starts a runner by the recipe, checks that EC2 got each of its parameters, and stops it.
func (r recipe) script(t *testing.T, base map[string]string, simulated bool) string {
	t.Helper()
	inputs := map[string]string{"mode": "start", "github-token": "ghp_demo"}
	maps.Copy(inputs, base)
	for name, value := range r.inputs {
		if simulated || !slices.Contains(notAtMoto, name) {
			inputs[name] = value
		}
	}
	var b strings.Builder
	b.WriteString("world world.yaml\nstep start.yaml\n! stdout '::error'\ncloud asked\n")
	if simulated {
		for _, asked := range r.asked(t) {
			fmt.Fprintf(&b, "stdout '  asked %s$'\n", asked)
		}
	}
	b.WriteString("step stop.yaml\nnothing-left\n")
	if code := lacking[r.name]; code != "" && simulated {
		fmt.Fprintf(&b, "world bare.yaml\nstep -exit 1 start.yaml\nstdout '%s: '\nnothing-left\n", code)
	}
	stop := map[string]string{
		"mode": "stop", "github-token": "ghp_demo", "label": "${out_label}",
		"ec2-instance-id": "${out_ec2_instance_id}",
	}
	if cmp.Or(inputs["count"], "1") != "1" {
		delete(stop, "ec2-instance-id")
	}
	bare := landscape + "key-pairs: [another]\n"
	for _, file := range []struct {
		name string
		text any
	}{{"world.yaml", landscape + bought}, {"bare.yaml", bare}, {"start.yaml", inputs}, {"stop.yaml", stop}} {
		text, isText := file.text.(string)
		if !isText {
			raw, err := yaml.Marshal(file.text)
			if err != nil {
				t.Fatal(err)
			}
			text = string(raw)
		}
		fmt.Fprintf(&b, "-- %s --\n%s", file.name, text)
	}
	return b.String()
}

// asked returns the parameters of the recipe in EC2's query protocol.
func (r recipe) asked(t *testing.T) []string {
	t.Helper()
	var tree map[string]any
	if err := yaml.Unmarshal([]byte(r.inputs["launch-parameters"]), &tree); err != nil {
		t.Fatal(err)
	}
	var list []string
	var walk func(name string, value any)
	walk = func(name string, value any) {
		switch value := value.(type) {
		case map[string]any:
			for key, child := range value {
				walk(strings.TrimPrefix(name+"."+key, "."), child)
			}
		case []any:
			for i, child := range value {
				// BlockDeviceMappings, NetworkInterfaces.
				walk(fmt.Sprintf("%s.%d", strings.TrimSuffix(name, "s"), i+1), child)
			}
		default:
			list = append(list, fmt.Sprintf("%s=%v", name, value))
		}
	}
	walk("", tree)
	slices.Sort(list)
	return list
}

// writeRecipes writes a script for each recipe.
func writeRecipes(t *testing.T, base map[string]string, simulated bool) (files []string) {
	t.Helper()
	dir := t.TempDir()
	for _, r := range readRecipes(t) {
		file := filepath.Join(dir, strings.ReplaceAll(r.name, " ", "_")+".txtar")
		if err := os.WriteFile(file, []byte(r.script(t, base, simulated)), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// TestRecipes starts a runner by each recipe of docs/launch-parameters.md, with and without what it names.
func TestRecipes(t *testing.T) {
	t.Parallel()
	params := scriptParams(writeRecipes(t, map[string]string{
		"ec2-image-id": "ami-0123456789abcdef0", "subnet-id": "subnet-0123456789abcdef0",
		"security-group-id": "sg-0123456789abcdef0",
	}, true))
	params.UpdateScripts = false
	testscript.Run(t, params)
}

// TestMotoRecipes does the same on moto, which accepts the parameters and knows no reservations.
func TestMotoRecipes(t *testing.T) {
	address := os.Getenv("EGR_MOTO_URL")
	if address == "" {
		t.Skip("EGR_MOTO_URL is not set: run scripts/moto with go test -run Moto ./test/script")
	}
	params := scriptParams(writeRecipes(t, map[string]string{
		"ec2-image-id": "${world_image}", "subnet-id": "${world_subnet}", "security-group-id": "${world_group}",
	}, false))
	testscript.RunT(sequential{t}, atMoto(params, address))
}

// TestRecipesAreBash: the scripts of the recipes are valid bash.
func TestRecipesAreBash(t *testing.T) {
	t.Parallel()
	for _, r := range readRecipes(t) {
		for _, name := range []string{"setup-script", "pre-runner-script"} {
			check := exec.CommandContext(t.Context(), "bash", "-n")
			check.Stdin = strings.NewReader(r.inputs[name])
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", r.name, err, out)
			}
		}
	}
}

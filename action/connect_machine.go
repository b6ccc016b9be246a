package action

import (
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// inputs returns the source from which package machine reads a machine.
func (r *reader) inputs() machine.Inputs {
	return machine.Inputs{
		Text: r.text, Check: ec2.CheckParameter, Refuse: r.refuse, Warn: r.warn,
		Own:  func(name string) bool { _, own := r.own[name]; return own },
		File: func(path string) (string, error) { return readInside(r.getenv("GITHUB_WORKSPACE"), path) },
		Words: machine.Words{
			Consumer: "the '" + strings.TrimSpace(r.getenv(inputEnv("mode"))) + "' mode", Folder: "the workspace",
			FileHint: "check the repository out before this step (actions/checkout) and give the path from its root",
		},
	}
}

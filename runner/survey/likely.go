package survey

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// LikelySoftware returns software whose user data is as long as with GitHub's current release.
func LikelySoftware() Software {
	var s Software
	for _, architecture := range []string{"x64", "arm64"} {
		sum := sha256.Sum256([]byte(architecture))
		s.List = append(s.List, bootstrap.Software{
			Architecture: architecture, Version: "2.999.9", SHA256: hex.EncodeToString(sum[:]),
			URL: "https://github.com/actions/runner/releases/download/v2.999.9/actions-runner-linux-" + architecture +
				"-2.999.9.tar.gz",
		})
	}
	return s
}

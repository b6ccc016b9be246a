package serve

import (
	"strings"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// ownerPrefix begins the owner's name of every session of this program.
const ownerPrefix = "ec2-github-runner "

// owner identifies this process at GitHub. Each of its sessions has an owner's name, which GitHub shows to a process
// that requests the same session. The name contains the installation, which is known once AWS has named the account.
type owner struct {
	host string

	mu           sync.Mutex
	installation string // a hash of account and home region
}

// identify sets the installation.
func (o *owner) identify(account, region string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.installation = tags.ShortHash(account+" "+region, 8)
}

// mark returns the installation, empty while it is not known.
func (o *owner) mark() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.installation
}

// name returns the owner's name of this process's sessions, empty while the installation is not known.
func (o *owner) name() string {
	if mark := o.mark(); mark != "" {
		return ownerPrefix + mark + " " + o.host
	}
	return ""
}

// isOurs reports whether a session with this owner's name belongs to the same installation.
func (o *owner) isOurs(name string) bool { return strings.HasPrefix(name, ownerPrefix+o.mark()+" ") }

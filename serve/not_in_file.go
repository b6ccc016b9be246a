package serve

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/serve/status"
)

// notInFile are the sets of the scope that have machines and that the file does not have. Their machines are never
// touched: another file may have them. But they may also be left of a set that was taken out of this one while no
// process served it, so whoever reads the log or the page is told.
type notInFile struct {
	log *slog.Logger

	mu     sync.Mutex
	list   []status.NotInFile
	warned map[string]bool // by a set's name
}

// look takes in what a look saw. Where it did not see every region, what was known stays.
func (n *notInFile) look(seen sight, served []*set) {
	if !seen.isWholeCloud() {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = nil
	for _, i := range seen.instances {
		name := i.Tags[key.ScaleSet]
		if i.Alive() && !slices.ContainsFunc(served, func(set *set) bool { return isSetName(name, set.name) }) {
			n.add(name, i)
		}
	}
	slices.SortFunc(n.list, func(a, b status.NotInFile) int { return cmp.Compare(a.Name, b.Name) })
	for _, set := range n.list {
		if !n.warned[set.Name] {
			n.warned[set.Name] = true
			n.log.Warn("EC2 has machines of a scale set that is not in the file", "set", set.Name, "machines",
				set.Machines, "stopped", set.Stopped, "hint", status.NotInFileHint)
		}
	}
}

// add counts a machine. mu is held.
func (n *notInFile) add(name string, i ec2.Instance) {
	at := slices.IndexFunc(n.list, func(set status.NotInFile) bool { return strings.EqualFold(set.Name, name) })
	if at < 0 {
		at, n.list = len(n.list), append(n.list, status.NotInFile{Name: name, Oldest: i.LaunchTime})
	}
	set := &n.list[at]
	set.Machines++
	if i.State == ec2.Stopped || i.State == ec2.Stopping {
		set.Stopped++
	}
	if i.LaunchTime.Before(set.Oldest) {
		set.Oldest = i.LaunchTime
	}
}

func (n *notInFile) snapshot() []status.NotInFile {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.list)
}

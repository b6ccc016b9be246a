package remove

import (
	"errors"
	"time"
)

// Delays of reading tags after they were written.
const (
	TagsInterval = time.Second
	TagsDelay    = 12 * time.Second // how long EC2 may show the earlier tags
)

// ErrStaleTags means that EC2 still shows the tags from before our own write.
var ErrStaleTags = errors.New("EC2 still shows its earlier tags")

// MaxClaimAge is how old a registration under an entry's name must be for no claim in flight to own it.
const MaxClaimAge = 5 * time.Second

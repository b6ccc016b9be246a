package remove

import (
	"errors"
	"time"
)

// Times of reading tags after they were written.
const (
	TagsInterval = time.Second
	TagsDelay    = 12 * time.Second // for so long EC2 may show what was there before
)

// ErrStaleTags is EC2 showing what was there before our own write.
var ErrStaleTags = errors.New("EC2 still shows its tags as they were before")

// MaxClaimAge is how old a registration under an entry's name must be to belong to no claim that is still under way.
const MaxClaimAge = 5 * time.Second

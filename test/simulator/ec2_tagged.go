package simulator

import "maps"

// tagged are the tags of a resource. What changes them is done at once, and read later: EC2's answers, the filters of
// its calls and the conditions of policies go by what is shown.
type tagged struct{ set, shown map[string]string }

func newTags(tags map[string]string) *tagged { return &tagged{set: clone(tags), shown: clone(tags)} }

// retag changes tags. The changes show in the order in which they were made.
func (w *World) retag(t *tagged, change func(map[string]string)) {
	change(t.set)
	if w.cfg.Timing.TagsVisible <= 0 {
		if t.shown != nil {
			change(t.shown)
		}
		return
	}
	w.after(w.cfg.Timing.TagsVisible, func() {
		if t.shown != nil {
			change(t.shown)
		}
	})
}

// hideTags ends what a terminated instance shows of its tags. Snapshot still has them, for those who test.
func (w *World) hideTags(t *tagged) {
	if w.cfg.Timing.TagsListed > 0 {
		w.after(w.cfg.Timing.TagsListed, func() { t.shown = nil })
	}
}

// settled reports whether what is shown is how things are, apart from what is hidden.
func (t *tagged) settled() bool { return t.shown == nil || maps.Equal(t.set, t.shown) }

func (i *image) value() Image {
	v := i.Image
	v.Tags = clone(i.tags.set)
	return v
}

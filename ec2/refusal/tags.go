package refusal

import "errors"

// MayBeTags reports whether a launch may be refused because of its tags: EC2 often says only that something is not
// allowed.
func MayBeTags(err error) bool {
	switch ClassOf(err) {
	case Denied:
		denial, readable := denialOf(err)
		return !readable || denial.mayBeTags()
	case Tagging:
		return true
	}
	return false
}

// deniedTwiceError is a launch that was denied with our tags and denied without them too. The first denial is the
// cause: the second may only be about what was left out.
type deniedTwiceError struct{ first, second error }

func (e *deniedTwiceError) Error() string {
	call, ok := errors.AsType[*CallError](e.first)
	if !ok {
		return e.first.Error()
	}
	return call.Operation + ": " + e.reason()
}

func (e *deniedTwiceError) Unwrap() error { return e.first }

// reason adds the second denial where it names another permission.
func (e *deniedTwiceError) reason() string {
	first, second := Reason(e.first), Reason(e.second)
	was, _ := denialOf(e.first)
	is, _ := denialOf(e.second)
	if was.Action == is.Action && was.kind() == is.kind() {
		return first
	}
	return first + " (and without this action's own tags: " + second + ")"
}

// First is the cause of a launch that was refused with our tags and then without them.
func First(before, err error) error {
	if before == nil || ClassOf(before) != Denied || ClassOf(err) != Denied {
		return err
	}
	return &deniedTwiceError{before, err}
}

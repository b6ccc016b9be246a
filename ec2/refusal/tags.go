package refusal

import "errors"

// MayBeTags reports whether a launch may have been refused because of its tags: EC2 often does not name the reason.
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

// deniedTwiceError is a launch that was denied both with our tags and without them. The first denial is the cause: the
// second may only be about the missing tags.
type deniedTwiceError struct{ first, second error }

func (e *deniedTwiceError) Error() string {
	call, ok := errors.AsType[*CallError](e.first)
	if !ok {
		return e.first.Error()
	}
	return call.Operation + ": " + e.reason()
}

func (e *deniedTwiceError) Unwrap() error { return e.first }

// reason returns the first denial, and the second if it is about another permission.
func (e *deniedTwiceError) reason() string {
	first, second := Reason(e.first), Reason(e.second)
	was, _ := denialOf(e.first)
	is, _ := denialOf(e.second)
	if was.Action == is.Action && was.kind() == is.kind() {
		return first
	}
	return first + " (and without this action's own tags: " + second + ")"
}

// First returns the cause of a launch that was refused with our tags and then without them.
func First(before, err error) error {
	if before == nil || ClassOf(before) != Denied || ClassOf(err) != Denied {
		return err
	}
	return &deniedTwiceError{before, err}
}

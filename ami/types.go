package ami

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// chooseTypes leaves out types whose console EC2 does not show while they run: the bake reads the builder's console,
// and for types other than Nitro that shows only what was printed shortly after the last change of state. If there is
// no other type, the bake is refused. If the types cannot be read, all are accepted.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
func (b *bake) chooseTypes(ctx context.Context) error {
	for _, name := range b.types() {
		if name == "" { // a launch template sets the type
			continue
		}
		kind, found, err := b.baker.Cloud.Account().InstanceType(ctx, b.request.Region, name)
		if err != nil {
			b.log.Debug(b.line("the instance types cannot be read"), "error", err)
			return nil
		}
		if found && kind.NotNitro {
			b.deaf = append(b.deaf, name)
		}
	}
	if len(b.deaf) == 0 {
		return nil
	}
	if slices.ContainsFunc(b.types(), func(name string) bool { return !slices.Contains(b.deaf, name) }) {
		b.info("%s is left out: it is not a Nitro type, whose console alone can be read while it runs",
			strings.Join(b.deaf, ", "))
		return nil
	}
	return &FailedError{
		Message: fmt.Sprintf("the console of a builder of type %s cannot be read while it runs: it is not a Nitro type",
			strings.Join(b.deaf, ", ")),
		Hint: hintNitro, Refused: true,
	}
}

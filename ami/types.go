package ami

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// chooseTypes leaves out the types whose console EC2 does not show while they run: a bake hears its builder by the
// console, and off Nitro that shows only what was written shortly after the last change of state. A bake that has no
// other type is refused before it launches. Where the types may not be read they are taken as good.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
func (b *bake) chooseTypes(ctx context.Context) error {
	for _, name := range b.types() {
		if name == "" { // a launch template says it
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
		Message: fmt.Sprintf("a builder of type %s cannot be heard: it is not a Nitro type, and EC2 does not show the "+
			"console of others while they run", strings.Join(b.deaf, ", ")),
		Hint: hintNitro, Refused: true,
	}
}

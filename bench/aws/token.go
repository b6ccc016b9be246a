package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// token is how EC2 shows an instance's client token. Whether it does so for spot instances is not known, and clean-ups
// after lost responses depend on it (docs/adr/0002-identity.md).
type token struct {
	Shown  bool   `json:"shown"`  // in the instance's own field
	Found  bool   `json:"found"`  // by the filter client-token
	Market string `json:"market"` // as EC2 shows it
	Failed string `json:"failed,omitempty"`
}

// tokenOf reads an instance by its id, and then by its client token alone.
func (s *session) tokenOf(ctx context.Context, region, id string) token {
	client, err := s.cloud(ctx, region)
	if err != nil {
		return token{Failed: err.Error()}
	}
	instance, err := client.Instance(ctx, region, id)
	if err != nil {
		return token{Failed: err.Error()}
	}
	asked := instance.Tags[key.ClientToken]
	if asked == "" {
		return token{Market: instance.Market, Failed: "the instance carries no tag " + key.ClientToken}
	}
	found, err := client.Instances(ctx, region, ec2.Selector{ClientToken: asked})
	if err != nil {
		return token{Market: instance.Market, Failed: err.Error()}
	}
	return token{
		Market: instance.Market, Shown: instance.ClientToken == asked,
		Found: slices.ContainsFunc(found, func(i ec2.Instance) bool { return i.ID == id }),
	}
}

// tokens returns for how many starts of each variant EC2 showed the client token.
func tokens(variants []string, starts []start) string {
	var b strings.Builder
	for _, v := range variants {
		looked, shown, found := 0, 0, 0
		for _, s := range starts {
			if s.Variant != v || s.Token.Market == "" || s.Token.Failed != "" {
				continue
			}
			looked++
			if s.Token.Shown {
				shown++
			}
			if s.Token.Found {
				found++
			}
		}
		if looked > 0 {
			fmt.Fprintf(&b, "- %s: of %d instances %d show their client token, and the filter "+
				"`client-token` finds %d\n", v,
				looked, shown, found)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n" + b.String()
}

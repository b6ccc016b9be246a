package diagnosis

import (
	"context"
	"errors"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// Hints for a sign-in that gets no OIDC token from GitHub. Package ec2 has those for a role that cannot be assumed.
const (
	HintIDToken = "write into the job: permissions: {id-token: write}"
	// HintIDTokenRefused is for an endpoint that refuses the job's own token.
	HintIDTokenRefused = "GitHub gives this job no OIDC token: the job's own token has ended (a job lives at most 6 " +
		"hours on GitHub's runners), or OIDC is turned off on this server"
	HintIDTokenSilent = "GitHub's OIDC service did not answer: see https://www.githubstatus.com, and run the job again"
)

// IDToken returns a function that fetches GitHub's OIDC tokens for an ec2.Role. Its errors are not github errors:
// otherwise a token that is not found would count as a runner that is gone.
func IDToken(tokens github.IDTokens, audience string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		token, err := tokens.Get(ctx, audience)
		if err == nil {
			return token, nil
		}
		failed := &refusal.SignInError{Message: err.Error(), Class: refusal.Credentials, Hint: HintIDTokenRefused}
		switch github.ClassOf(err) {
		case github.Unknown, github.RateLimited:
			failed.Class, failed.Hint = refusal.Unknown, HintIDTokenSilent
		case github.Intercepted:
			failed.Hint = github.AdviceIntercepted
		}
		if errors.Is(err, context.Canceled) {
			failed.Err = context.Canceled
		}
		return "", failed
	}
}

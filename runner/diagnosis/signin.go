package diagnosis

import (
	"context"
	"errors"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// Hints of a sign-in that gets no OIDC token from GitHub. Those of a role that cannot be assumed are package ec2's.
const (
	HintIDToken = "write into the job: permissions: {id-token: write}"
	// HintIDTokenRefused is for an endpoint that refuses the job's own token.
	HintIDTokenRefused = "GitHub gives this job no OIDC token: the job's own token has ended (a job lives at most 6 " +
		"hours on GitHub's runners), or OIDC is turned off on this server"
	HintIDTokenSilent = "GitHub's OIDC service did not answer: see https://www.githubstatus.com, and run the job again"
)

// IDToken returns a function that fetches GitHub's tokens for an ec2.Role. Its errors are of the sign-in, and not of
// the call to GitHub for which they may be taken: a token that is not found is no runner that is gone.
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

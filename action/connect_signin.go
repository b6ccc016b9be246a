package action

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// signInError is returned if AWS, GitHub or both refused the sign-in. Nothing was created.
type signInError struct{ problems []Problem }

func (e *signInError) Error() string {
	messages := make([]string, len(e.problems))
	for i, problem := range e.problems {
		messages[i] = problem.Message
	}
	return strings.Join(messages, "; ")
}

// signIn signs in at AWS and GitHub in parallel, as far as the inputs ask for it, so that every refusal is known before
// anything is created. Without such inputs it makes no call.
func (c clients) signIn(ctx context.Context) error {
	signs := []func(context.Context) error{c.cloud.SignIn, c.registry.SignIn}
	failed := make([]error, len(signs))
	var group sync.WaitGroup
	for i, sign := range signs {
		group.Go(func() { failed[i] = sign(ctx) })
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var problems []Problem
	for _, err := range failed {
		if err != nil {
			problems = append(problems, problemOf(err))
		}
	}
	if len(problems) > 0 {
		return &signInError{problems}
	}
	return nil
}

// role returns the IAM role that the AWS client assumes, or nil.
func (in awsSignIn) role(request Request, out *output) *ec2.Role {
	if in.Role == "" {
		return nil
	}
	role := &ec2.Role{
		ARN: in.Role, SessionName: in.SessionName, Duration: in.Duration, Chained: in.Chained,
		Secret: out.Secret, SignedIn: out.signedInAWS, Log: out.log,
	}
	if in.OIDC {
		transport := github.Transport(request.CACertificates)
		tokens := github.IDTokens{URL: in.TokenURL, Bearer: in.TokenBearer, Transport: transport}
		role.Token = diagnosis.IDToken(tokens, in.Audience)
	}
	return role
}

// signedInAWS logs who has signed in at AWS, and adds it to the job summary the first time.
func (o *output) signedInAWS(session ec2.Session) {
	how := "with the credentials of the environment"
	if session.OIDC {
		how = "by OIDC"
	}
	until := session.Until.UTC().Format("2006-01-02 15:04 MST")
	if session.Renewed {
		o.log.Info(fmt.Sprintf("the AWS session was renewed until %s", until))
		return
	}
	o.log.Info(fmt.Sprintf("signed in at AWS as %s (account %s) %s until %s; the session is renewed before that",
		session.ARN, session.Account, how, until))
	o.signedIn(fmt.Sprintf("at AWS as %s %s; the session is renewed before it ends", code(session.ARN), how))
}

// signedIn records a line for the job summary, in Markdown: who signed in, and where.
func (o *output) signedIn(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.signIns = append(o.signIns, line)
}

// signedInSummary returns the sign-ins that the job summary does not contain yet.
func (o *output) signedInSummary() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var b strings.Builder
	for _, line := range o.signIns {
		fmt.Fprintf(&b, "- Signed in %s\n", line)
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	o.signIns = nil
	return b.String()
}

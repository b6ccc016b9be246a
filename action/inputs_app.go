package action

import (
	"crypto/rsa"
	"fmt"
)

// appInputs are the inputs with which the action signs in to GitHub as an App.
var appInputs = []input{
	{
		name: "app-client-id", modes: inAll, readme: true,
		description: `In place of github-token: the client id (or the App id) of a GitHub App that is installed where
			the runners register and has 'administration: write' (for an organization's runners:
			'organization_self_hosted_runners: write'). The action signs in as the App with the least permissions
			that the mode needs, and renews its token before it ends.`,
	},
	{
		name: "app-private-key", modes: inAll, readme: true,
		description: `A private key of the App, from a secret: the .pem file as it is, or base64 of it.`,
	},
}

// appSignIn is the GitHub App that the action signs in as.
type appSignIn struct {
	ID  string // client id or App id
	Key *rsa.PrivateKey
	// ReadOnly means that the mode does not change runners; Runs, that it reads workflow runs.
	ReadOnly, Runs bool
	// Rerun means that jobs may be run again.
	Rerun bool
}

// appSignIn reads the App, nil if there is none, and refuses inputs with no way or two ways to sign in.
func (s signInReader) appSignIn(token string) *appSignIn {
	id, text := s.r.text("app-client-id"), s.r.text("app-private-key")
	switch {
	case id == "" && text == "" && token == "":
		s.r.refuse("The 'github-token' input is not specified", tokenHint(s.r.getenv))
		return nil
	case id == "" && text == "":
		return nil
	case token != "":
		s.r.refuse("The 'github-token' input and the inputs 'app-client-id' and 'app-private-key' are both "+
			"specified, and the action signs in once.",
			"leave out github-token to sign in as the GitHub App, or the App's two inputs to use the token")
		return nil
	case id == "":
		s.r.refuse("The 'app-private-key' input is specified, and the 'app-client-id' input is not.",
			"for example app-client-id: ${{ vars.RUNNER_APP }}")
		return nil
	case text == "":
		s.r.refuse("The 'app-client-id' input is specified, and the 'app-private-key' input is not.",
			keyHint(s.r.getenv))
		return nil
	}
	if !isAppID(id) {
		s.r.refuse(fmt.Sprintf("The 'app-client-id' input is %q, which is neither a client id nor an App id.", id),
			"for example app-client-id: Iv23liABCdefGHIjklMN, or 123456")
	}
	key, problem := readAppKey(text)
	if problem != nil {
		s.r.refuse("The 'app-private-key' input "+problem.Message+".", problem.Hint)
	}
	return &appSignIn{ID: id, Key: key}
}

// needsOf sets which permissions the mode needs. A bake only reads where the runner software is.
func (in *appSignIn) needsOf(request Request) {
	in.ReadOnly = request.Mode == modeBake
	in.Runs = request.Mode == modeSweep || request.Mode == modeStop
	if request.Start != nil && !in.Runs {
		_, in.Runs = keptBy(request.Start)
	}
	in.Rerun = request.Rerun != nil
}

package action

// tokenHint returns what to do if no token is given. Some runs get no secrets, whatever the repository has.
func tokenHint(getenv func(string) string) string {
	const example = "for example github-token: ${{ secrets.RUNNER_TOKEN }}, or a GitHub App: app-client-id: ${{ " +
		"vars.RUNNER_APP }} and app-private-key: ${{ secrets.RUNNER_APP_KEY }}"
	return noSecretsHint(getenv, example, "RUNNER_TOKEN")
}

// keyHint returns what to do if no private key of the App is given.
func keyHint(getenv func(string) string) string {
	return noSecretsHint(getenv, "for example app-private-key: ${{ secrets.RUNNER_APP_KEY }}", "RUNNER_APP_KEY")
}

// noSecretsHint returns the example, or the reason why this run gets no secrets.
// https://docs.github.com/en/code-security/reference/supply-chain-security/troubleshoot-dependabot/troubleshooting-dependabot-on-github-actions
func noSecretsHint(getenv func(string) string, example, secret string) string {
	switch {
	case getenv("GITHUB_ACTOR") == "dependabot[bot]":
		return "runs of Dependabot get only Dependabot's secrets: exclude them with if: github.actor != " +
			"'dependabot[bot]', or set the secret there too (gh secret set " + secret + " --app dependabot)"
	case getenv("GITHUB_EVENT_NAME") == "pull_request":
		return example + "; a pull request from a fork gets no secrets, so skip this step there"
	}
	return example
}

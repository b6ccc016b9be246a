package action

// tokenHint is what to do when there is no token. Some runs get no secrets, whatever the repository has.
func tokenHint(getenv func(string) string) string {
	const example = "for example github-token: ${{ secrets.RUNNER_TOKEN }}, or a GitHub App: app-client-id: ${{ " +
		"vars.RUNNER_APP }} and app-private-key: ${{ secrets.RUNNER_APP_KEY }}"
	return noSecretsHint(getenv, example, "RUNNER_TOKEN")
}

// keyHint is the same for an App's private key.
func keyHint(getenv func(string) string) string {
	return noSecretsHint(getenv, "for example app-private-key: ${{ secrets.RUNNER_APP_KEY }}", "RUNNER_APP_KEY")
}

// https://docs.github.com/en/code-security/reference/supply-chain-security/troubleshoot-dependabot/troubleshooting-dependabot-on-github-actions
func noSecretsHint(getenv func(string) string, example, secret string) string {
	switch {
	case getenv("GITHUB_ACTOR") == "dependabot[bot]":
		return "runs of Dependabot get Dependabot's secrets alone: leave them out by if: github.actor != " +
			"'dependabot[bot]', or set the secret there too (gh secret set " + secret + " --app dependabot)"
	case getenv("GITHUB_EVENT_NAME") == "pull_request":
		return example + "; a pull request from a fork gets no secrets, so leave it out"
	}
	return example
}

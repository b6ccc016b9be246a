package action

// tokenHint is what to do when there is no token. Some runs get no secrets, whatever the repository has.
// https://docs.github.com/en/code-security/reference/supply-chain-security/troubleshoot-dependabot/troubleshooting-dependabot-on-github-actions
func tokenHint(getenv func(string) string) string {
	const example = "for example github-token: ${{ secrets.RUNNER_TOKEN }}"
	switch {
	case getenv("GITHUB_ACTOR") == "dependabot[bot]":
		return "runs of Dependabot get Dependabot's secrets alone: leave them out by if: github.actor != 'dependabot[bot]', " +
			"or set the token there too (gh secret set RUNNER_TOKEN --app dependabot)"
	case getenv("GITHUB_EVENT_NAME") == "pull_request":
		return example + "; a pull request from a fork gets no secrets, so leave it out"
	}
	return example
}

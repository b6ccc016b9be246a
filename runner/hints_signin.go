package runner

// Hints of a sign-in that gets no OIDC token from GitHub. Those of a role that cannot be assumed are package ec2's.
const (
	HintIDToken = "write into the job: permissions: {id-token: write}"
	// HintIDTokenRefused is for an endpoint that refuses the job's own token.
	HintIDTokenRefused = "GitHub gives this job no OIDC token: the job's own token has ended (a job lives at most 6 hours on GitHub's runners), or OIDC is turned off on this server"
	HintIDTokenSilent  = "GitHub's OIDC service did not answer: see https://www.githubstatus.com, and run the job again"
)

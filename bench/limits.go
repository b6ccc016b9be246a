package main

// The published limits on which the growth figures are based.
const (
	// GitHub's primary limit in requests an hour: of a user's token, and the maximum of a GitHub App's installation.
	// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-primary-rate-limits
	githubHourly    = 5000
	githubAppHourly = 12500
	githubPage      = "https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api"

	// GitHub's secondary limits: points a minute, creations a minute and an hour. GitHub does not say whether a
	// registration counts as a creation; it is assumed to.
	// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
	githubPoints    = 900
	githubCreations = 80
	creationsHourly = 500
	pointsOfRead    = 1
	pointsOfWrite   = 5

	// EC2's request buckets for an account in a region, by their refill a second: calls of RunInstances, its instances,
	// and Describe calls with filters or ids. https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
	ec2RunCalls     = 2
	ec2RunInstances = 2
	ec2Describe     = 20
	ec2Page         = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html"
)

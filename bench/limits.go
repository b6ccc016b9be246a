package main

// The published limits that growth is computed with.
const (
	// GitHub's primary limit, requests an hour: of a user's token, and the most that a GitHub App's installation can
	// have. https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-primary-rate-limits
	githubHourly    = 5000
	githubAppHourly = 12500
	githubPage      = "https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api"

	// GitHub's secondary limits: points a minute, creations a minute and an hour. Whether a registration counts as a
	// creation GitHub does not say; it is computed as if.
	// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
	githubPoints    = 900
	githubCreations = 80
	creationsHourly = 500
	pointsOfRead    = 1
	pointsOfWrite   = 5

	// EC2's request buckets of an account in a region, refilled so much a second: calls of RunInstances, its instances,
	// and Describe calls with filters or ids. https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
	ec2RunCalls     = 2
	ec2RunInstances = 2
	ec2Describe     = 20
	ec2Page         = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html"
)

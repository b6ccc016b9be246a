package ec2

// What the tests that speak to the simulator look at too.
type Denial = denial

const OfCredentials = ofCredentials

var (
	ScopeOf     = scopeOf
	ParseDenial = parseDenial
)

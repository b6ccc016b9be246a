package ec2

// RefusalCodes are the codes of the table, for the test that walks every one of them.
func RefusalCodes() []string {
	var codes []string
	for _, r := range refusals {
		codes = append(codes, r.code)
	}
	return codes
}

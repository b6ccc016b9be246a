//go:build real

package guide

import (
	"os"
	"strings"
	"testing"
)

// TestPrivateNetwork runs the commands of docs/questions/private-network.md in a network like the guide's: the new
// subnet has a default route to a NAT gateway in the public subnet.
func TestPrivateNetwork(t *testing.T) {
	text, err := os.ReadFile("../../docs/questions/private-network.md")
	if err != nil {
		t.Fatal(err)
	}
	var commands string
	for _, block := range marked.FindAllStringSubmatch(string(text), -1) {
		if block[1] == "run" {
			commands += block[2]
		}
	}
	n := arrive(t, os.Getenv("EGR_MOTO_URL"))
	n.bash(t, "set -euo pipefail\n"+`
		vpc=$(aws ec2 create-vpc --cidr-block 10.64.0.0/20 --query Vpc.VpcId --output text)
		subnets="$(aws ec2 create-subnet --vpc-id "$vpc" --cidr-block 10.64.0.0/21 --query Subnet.SubnetId --output `+
		`text) `+
		`subnet-2"
		`+commands+"\ndeclare -p subnet private vpc >vars\n")
	vars := n.vars(t)
	got := n.bash(t, `set -euo pipefail
		nat=$(aws ec2 describe-route-tables --filters Name=association.subnet-id,Values='`+vars["private"]+`' \
			--query 'RouteTables[0].Routes[?DestinationCidrBlock==`+"`0.0.0.0/0`"+`].NatGatewayId' --output text)
		aws ec2 describe-nat-gateways --nat-gateway-ids "$nat" --query 'NatGateways[0].[SubnetId,VpcId]' --output text`)
	if want := vars["subnet"] + "\t" + vars["vpc"]; vars["private"] == "" || strings.TrimSpace(got) != want {
		t.Errorf("the default route of %q leads to a NAT gateway in %q, want %q", vars["private"], got, want)
	}
}

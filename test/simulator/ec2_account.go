package simulator

import (
	"net/http"
	"slices"
)

// AccountWeather is what an account, its plan and its agreements do not allow.
type AccountWeather struct {
	// FreePlan is an account on the free plan of July 2025, which has six types.
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-free-tier-usage.html
	FreePlan bool `yaml:"free-plan"`
	// NoSpotRole is an account that has never used spot instances. A spot launch then makes the role, where the caller
	// may. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html
	NoSpotRole bool `yaml:"no-spot-role"`
	// UnverifiedRegions are still being validated for the account: PendingVerification for each launch.
	UnverifiedRegions []string `yaml:"unverified-regions"`
	// DisabledRegions are opt-in regions that are not enabled: AuthFailure for each call.
	// https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
	DisabledRegions []string `yaml:"disabled-regions"`
	// SpotShowsToken lets spot instances show their client token, in the field and in the filter. Whether they do on
	// EC2 nobody has seen; where they do not, only tags find one whose answer was lost.
	SpotShowsToken bool `yaml:"spot-shows-token"`
	// Blocked accounts launch nothing.
	Blocked bool `yaml:"blocked"`
}

// Marketplace makes an image one of an AWS Marketplace product.
type Marketplace struct {
	SKU        string   `yaml:"sku"`
	Subscribed bool     `yaml:"subscribed"`
	Types      []string `yaml:"types"` // on which it runs, empty for all
}

var freeTypes = []string{"t3.micro", "t3.small", "t4g.micro", "t4g.small", "c7i-flex.large", "m7i-flex.large"}

// enabled refuses every call in a region that the account has not enabled. EC2 says so as of wrong keys.
func (c *cloud) enabled(region string) *ec2Error {
	if slices.Contains(c.w.cfg.DisabledRegions, region) {
		return fail("AuthFailure", "AWS was not able to validate the provided access credentials")
	}
	return nil
}

// account refuses a launch that the account's plan and agreements do not allow. A dry run does not get here: it proves
// permission.
func (call *ec2Call) account(p *plan) *ec2Error {
	cfg, shop := &call.w.cfg, p.image.Marketplace
	switch {
	case cfg.Blocked:
		return fail("Blocked",
			"This account is currently blocked and not recognized as a valid account. Please contact "+
				"aws-verification@amazon.com if you have questions.")
	case slices.Contains(cfg.UnverifiedRegions, call.region.name):
		// As users report it: https://github.com/openshift/installer/issues/1709
		return fail("PendingVerification",
			"Your request for accessing resources in this region is being validated, and you will not be able to "+
				"launch additional resources in this region until the validation is complete. We will notify you by "+
				"email once your request has been validated. While normally resolved within minutes, please allow up "+
				"to 4 hours for this process to complete. If the issue still persists, please let us know by writing "+
				"to aws-verification@amazon.com for further assistance.")
	case shop.SKU != "" && !shop.Subscribed:
		return &ec2Error{status: http.StatusUnauthorized, code: "OptInRequired",
			message: "In order to use this AWS Marketplace product you need to accept terms and subscribe. To do so " +
				"please visit https://aws.amazon.com/marketplace/pp?sku=" + shop.SKU}
	case len(shop.Types) > 0 && !slices.Contains(shop.Types, p.kind.Name):
		// As users report it: https://github.com/ansible/workshops/pull/1890
		return fail("UnsupportedOperation",
			"The instance configuration for this AWS Marketplace product is not supported. Please see the AWS "+
				"Marketplace site for more information about supported instance types, regions, and operating systems.")
	case cfg.FreePlan && !slices.Contains(freeTypes, p.kind.Name):
		return fail("InvalidParameterCombination",
			"The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run "+
				"'describe-instance-types' with the filter 'free-tier-eligible=true'.")
	case p.market == marketSpot && cfg.NoSpotRole:
		return call.makeSpotRole()
	}
	return nil
}

// makeSpotRole makes the service-linked role of spot, if the caller may.
func (call *ec2Call) makeSpotRole() *ec2Error {
	role := "arn:aws:iam::" + call.w.cfg.Account + ":role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"
	if call.permitted("iam:CreateServiceLinkedRole", role,
		request{"iam:AWSServiceName": {"spot.amazonaws.com"}}) != nil {
		return fail("AuthFailure.ServiceLinkedRoleCreationNotPermitted",
			"The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.")
	}
	call.w.cfg.NoSpotRole = false
	return nil
}

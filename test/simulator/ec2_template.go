package simulator

import "slices"

// LaunchTemplate is a launch template as far as RunInstances needs it: parameters by their query names, such as
// "ImageId" or "SecurityGroupId.1", that hold where the request says nothing.
type LaunchTemplate struct {
	ID         string            `yaml:"id"`
	Name       string            `yaml:"name"`
	Region     string            `yaml:"region"`
	Version    string            `yaml:"version"` // default 1
	Parameters map[string]string `yaml:"parameters"`
}

// applyTemplate completes a request by the launch template that it names. A list of the request replaces the template's
// whole: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
func (call *ec2Call) applyTemplate() *ec2Error {
	id, name := call.form["LaunchTemplate.LaunchTemplateId"], call.form["LaunchTemplate.LaunchTemplateName"]
	if id == "" && name == "" {
		return nil
	}
	if id != "" && name != "" {
		return fail("InvalidParameterCombination", "Only one of launchTemplateId and launchTemplateName may be given")
	}
	for _, t := range call.w.cfg.LaunchTemplates {
		if t.isCalled(id, name, call.region.name) {
			version := orText(call.form["LaunchTemplate.Version"], "$Default")
			if version != "$Default" && version != "$Latest" && version != orText(t.Version, "1") {
				return fail("InvalidLaunchTemplateId.VersionNotFound",
					"Could not find the specified version %s for the launch template with ID %s.", version, t.ID)
			}
			call.merge(t.Parameters)
			return nil
		}
	}
	if id != "" {
		return fail("InvalidLaunchTemplateId.NotFound",
			"The specified launch template, with template ID %s, does not exist.",
			id)
	}
	return fail("InvalidLaunchTemplateName.NotFoundException",
		"The specified launch template, with template name %s, does not exist.", name)
}

// isCalled reports whether the template has this id or, when that is empty, this name.
func (t LaunchTemplate) isCalled(id, name, region string) bool {
	if t.Region != "" && t.Region != region {
		return false
	}
	return (id != "" && t.ID == id) || (id == "" && t.Name == name)
}

func (call *ec2Call) merge(defaults form) {
	own := map[string]bool{}
	for _, name := range call.form.top() {
		own[name] = true
	}
	for k, v := range defaults {
		for _, name := range (form{k: v}).top() {
			if !own[name] {
				call.form[k] = v
			}
		}
	}
}

// templates are the launch templates of the call's region.
func (call *ec2Call) templates() []LaunchTemplate {
	return slices.DeleteFunc(slices.Clone(call.w.cfg.LaunchTemplates),
		func(t LaunchTemplate) bool { return t.Region != "" && t.Region != call.region.name })
}

// describeLaunchTemplates: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplates.html
func describeLaunchTemplates(call *ec2Call) ([]node, *ec2Error) {
	ids := call.form.list("LaunchTemplateId")
	return describe(call, "launchTemplates", call.templates(),
		func(t LaunchTemplate) bool { return selects(ids, t.ID) },
		func(t LaunchTemplate) attributes {
			return fixed(nil, map[string]string{"launch-template-name": t.Name})
		},
		func(t LaunchTemplate) []node {
			version := orText(t.Version, "1")
			return []node{leaf("launchTemplateId", t.ID), leaf("launchTemplateName", t.Name),
				leaf("defaultVersionNumber",
					version), leaf("latestVersionNumber", version)}
		})
}

// describeLaunchTemplateVersions shows the one version that a template has here:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplateVersions.html
func describeLaunchTemplateVersions(call *ec2Call) ([]node, *ec2Error) {
	id, name := call.form["LaunchTemplateId"], call.form["LaunchTemplateName"]
	all := slices.DeleteFunc(call.templates(),
		func(t LaunchTemplate) bool { return !t.isCalled(id, name, call.region.name) })
	if len(all) == 0 {
		return nil, fail("InvalidLaunchTemplateId.NotFound",
			"The specified launch template, with template ID %s, does not exist.", id)
	}
	return describe(call, "launchTemplateVersionSet", all,
		func(LaunchTemplate) bool { return true },
		func(t LaunchTemplate) attributes {
			return fixed(nil, map[string]string{"image-id": t.Parameters["ImageId"]})
		},
		func(t LaunchTemplate) []node {
			return []node{leaf("launchTemplateId", t.ID), leaf("launchTemplateName", t.Name),
				leaf("versionNumber", orText(t.Version, "1")), leaf("defaultVersion", "true"),
				branch("launchTemplateData", some(leaf("imageId", t.Parameters["ImageId"]),
					leaf("instanceType", t.Parameters["InstanceType"]))...)}
		})
}

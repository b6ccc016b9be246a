package action

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// copies reads to which regions a bake copies its images.
func (b bakeReader) copies() ami.Copies {
	copies := ami.Copies{Timeout: time.Duration(b.r.number("copy-timeout-minutes", 1, 2880)) * time.Minute}
	for _, region := range b.r.list("regions") {
		if b.r.region("regions", region) != "" && !slices.Contains(copies.Regions, region) {
			copies.Regions = append(copies.Regions, region)
		}
	}
	copies.KMSKeys = b.copyKeys(copies.Regions)
	return copies
}

// copyKeys reads the keys that encrypt the copies, by region.
func (b bakeReader) copyKeys(regions []string) map[string]string {
	const example = "for example copy-kms-keys: {eu-west-1: alias/runners, us-west-2: alias/runners}"
	text := b.r.text("copy-kms-keys")
	if text == "" {
		return nil
	}
	tree, err := machine.ReadYAML(text)
	var raw []byte
	if err == nil {
		raw, err = json.Marshal(tree)
	}
	var keys map[string]string
	if err == nil {
		err = json.Unmarshal(raw, &keys)
	}
	if err != nil {
		b.r.refuse("Failed to parse copy-kms-keys: "+err.Error(), example)
		return nil
	}
	for _, region := range slices.Sorted(maps.Keys(keys)) {
		switch {
		case !slices.Contains(regions, region):
			b.r.refuse(fmt.Sprintf("The 'copy-kms-keys' input has a key for %q, which is not in 'regions'.", region),
				example)
		case keys[region] == "":
			b.r.refuse(fmt.Sprintf("The 'copy-kms-keys' input has an empty key for %q.", region), example)
		}
	}
	return keys
}

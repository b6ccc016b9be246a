package script

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// racedScripts are the scripts that run with the race detector, by the concurrency that they exercise. The others
// exercise none, or the same as one of these. With the detector each takes many times as long, and all of them took ten
// minutes.
var racedScripts = map[string][]string{
	"concurrent slots of a start": {"start_and_stop", "matrix", "count_like", "count_half_fail", "runners_unlike",
		"runners_two_regions", "jit", "ephemeral", "outputs_before_waiting"},
	"looks at EC2 and at GitHub while it waits": {"console", "many_runners", "panic_moves_on", "diagnosis_ec2",
		"never_registers", "dies_while_booting"},
	"rounds of launches": {"capacity_two_of_five", "capacity_zones", "no_capacity_anywhere", "lost_answer",
		"tags_denied"},
	"a signal during the work": {"cancel_sigint", "cancel_sigterm", "cancel_lost_answer", "existing_cancelled",
		"bake_cancelled"},
	"a roll-back, and the post step": {"killed", "killed_while_creating", "post_step", "post_of_a_loser",
		"failed_start_outputs"},
	"limits and faults that all share": {"github_403", "github_502", "jit_lost_answer", "many_runners",
		"name_taken"},
	"sessions and tokens that are renewed meanwhile": {"sign_in_oidc", "sign_in_weather", "app", "app_token_ends",
		"app_key_rotated"},
	"stops of several, in several regions": {"stop_by_label", "stop_all_of_run", "stop_finds_regions",
		"stop_region_search", "stop_busy"},
	"a sweep": {"sweep_two_looks", "sweep_registration", "sweep_volumes", "sweep_killed"},
	"a pool and its claims": {"pool", "pool_entries_replaced", "pool_killed_before_start", "pool_shrunk_while_claimed",
		"pool_stop"},
	"machines that stay": {"existing", "existing_many", "existing_started_meanwhile"},
	"a bake":             {"bake", "bake_many", "bake_prune"},
	"a server of sets":   {"serve", "serve_killed"},
	"a check":            {"check_good", "check_many", "check_bad_days"},
}

// racedFiles returns the scripts of that list.
func racedFiles() []string {
	var files []string
	for _, scripts := range racedScripts {
		for _, script := range scripts {
			files = append(files, filepath.Join("test/script/testdata", script+".txtar"))
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// TestRacedScriptsExist compares the list with the existing scripts.
func TestRacedScriptsExist(t *testing.T) {
	t.Parallel()
	for _, file := range racedFiles() {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
}

package boot

import "github.com/marqo-ai/ec2-github-runner/test/boot/plan"

// modelledTag is the release of github.com/actions/runner that the stand-in runner models, and modelledCommit the tag's
// commit, in which each place below was looked up.
const (
	modelledTag    = "v2.336.0"
	modelledCommit = "98aabcd429c4e8402406c56ce2d26387fed3b9ce"
)

// Versions of the stand-in runner: the usual one, one that GitHub refuses, and the next release.
const (
	newest   = "2.330.0"
	outdated = "2.300.0"
	newer    = "2.331.0"
)

// modelled is one behaviour of the real runner that the stand-in has too.
type modelled struct {
	// What it does, and where the real one does so: a file and lines of it at modelledTag.
	what, file, lines string
	// script runs in a fresh copy of the stand-in's folder, as root with RUNNER_ALLOW_RUNASROOT, with the functions of
	// rowTools.
	script string
	// code is the script's expected exit code, says its expected output; event, if not empty, is an expected event of
	// the world.
	code        int
	says, event string
}

// rowTools: c configures the runner "$name", listener replaces the real listener by a program that exits with these
// codes one after the other, shim replaces a tool by a script, run is a listener that is interrupted after so many
// seconds. hook is a job of one step with this hook for its end.
const rowTools = `export RUNNER_ALLOW_RUNASROOT=1
c() {
  ./config.sh --unattended --url https://github.com/owner/repo --token "$TOKEN" --labels k --name "$name" --replace "$@"
}
listener() {
  printf '#!/bin/bash\ncode=$(head -n 1 %q); sed -i 1d %q; exit ${code:-0}\n' $PWD/codes $PWD/codes >bin/Runner.Listener
  printf '%s\n' "$@" >codes; chmod +x bin/Runner.Listener
}
hook() {
  echo 'echo a step' >step; printf '%s\n' "$@" >hook.sh
  ACTIONS_RUNNER_HOOK_JOB_COMPLETED=${HOOK-$PWD/hook.sh} ./bin/Runner.Worker step
}
shim() { mkdir -p shims; printf '#!/bin/bash\n%s\n' "$2" >shims/$1; chmod +x shims/$1; PATH=$PWD/shims:$PATH; }
run() { timeout -s INT "$1" ./bin/Runner.Listener run; }
`

const (
	configSh   = "src/Misc/layoutroot/config.sh"
	runSh      = "src/Misc/layoutroot/run.sh"
	runHelper  = "src/Misc/layoutroot/run-helper.sh.template"
	envSh      = "src/Misc/layoutroot/env.sh"
	runsvcSh   = "src/Misc/layoutbin/runsvc.sh"
	svcSh      = "src/Misc/layoutbin/systemd.svc.sh.template"
	serviceJS  = "src/Misc/layoutbin/RunnerService.js"
	updateSh   = "src/Misc/layoutbin/update.sh.template"
	dependSh   = "src/Misc/layoutbin/installdependencies.sh"
	hookCS     = "src/Runner.Worker/JobHookProvider.cs"
	jobCS      = "src/Runner.Worker/JobExtension.cs"
	scriptCS   = "src/Runner.Worker/Handlers/ScriptHandler.cs"
	shellsCS   = "src/Runner.Worker/Handlers/ScriptHandlerHelpers.cs"
	filesCS    = "src/Runner.Worker/FileCommandManager.cs"
	hostCS     = "src/Runner.Common/HostContext.cs"
	runnerCS   = "src/Runner.Listener/Runner.cs"
	programCS  = "src/Runner.Listener/Program.cs"
	dispatchCS = "src/Runner.Listener/JobDispatcher.cs"
	brokerCS   = "src/Runner.Listener/BrokerMessageListener.cs"
	updaterCS  = "src/Runner.Listener/SelfUpdaterV2.cs"
	manageCS   = "src/Runner.Listener/Configuration/ConfigurationManager.cs"
	systemdCS  = "src/Runner.Listener/Configuration/SystemdControlManager.cs"
	storeCS    = "src/Runner.Common/ConfigurationStore.cs"
	commandCS  = "src/Runner.Listener/CommandSettings.cs"
	envlinuxMD = "docs/start/envlinux.md"
)

// lengths are how many lines each of them has at modelledTag.
var lengths = map[string]int{
	configSh: 81, runSh: 93, runHelper: 81, envSh: 42, runsvcSh: 21, svcSh: 179, serviceJS: 158, updateSh: 220,
	dependSh: 233, runnerCS: 1175, programCS: 201, dispatchCS: 1325, brokerCS: 550,
	updaterCS: 570, commandCS: 482, manageCS: 888,
	systemdCS: 54, storeCS: 400, envlinuxMD: 50, hookCS: 95, jobCS: 1307, scriptCS: 360, shellsCS: 87, filesCS: 497,
	hostCS: 843,
}

// rowJobs are the world's only jobs, assigned to the first rows: they print what they got from .env, and the variable
// that holds a just-in-time configuration.
var rowJobs = []plan.Job{
	{Name: "a", Script: "echo got $EGR_ROW"},
	{Name: "b", Script: "echo got ${ACTIONS_RUNNER_INPUT_JITCONFIG-nothing}"},
	{Name: "c", Script: "echo a step"},
	{Name: "d", Script: "sleep 100"},
}

// hookSaid precedes a hook's output in a job's log.
const hookSaid = "A job completed hook has been configured by the self-hosted runner administrator"

// behaviours are in the order in which they are checked.
var behaviours = []modelled{
	{"a single-use runner forgets its registration after its job", runnerCS, "877-880",
		"echo EGR_ROW=it >.env; c --ephemeral --disableupdate; ./run.sh; ls .runner",
		2, "with 0 return code", "job a succeeded"},
	{".env reaches jobs", programCS, "172-199", "true", 0, "", "job a succeeded got it"},
	{"the variable of a just-in-time configuration does not reach them", commandCS, "110-140",
		"export ACTIONS_RUNNER_INPUT_JITCONFIG=$JIT; ./run.sh", 0, "with 0 return code", "job b succeeded got nothing"},
	{"what .env says of a hook wins over the environment", programCS, "172-199", `
export ACTIONS_RUNNER_HOOK_JOB_COMPLETED=$PWD/none.sh; echo echo the hook of .env >h.sh
echo ACTIONS_RUNNER_HOOK_JOB_COMPLETED=$PWD/h.sh >.env; c --ephemeral --disableupdate; ./run.sh
`, 0, "with 0 return code", "job c succeeded a step\n" + hookSaid + "\nthe hook of .env"},
	{"a job is cancelled when its runner's registration is removed", dispatchCS, "206-248", `
c --disableupdate; (sleep 5; /boottest/machine remove $name) & run 30; true
`, 0, "Cleaning up local configuration", "job d failed"},
	{".env reaches the listener", programCS, "172-199", `
echo 2.300.0 >bin/version; c; echo ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1 >>.env; run 20
`, 7, "is deprecated", ""},

	{"a hook runs after the job's steps", jobCS, "570-580",
		"hook 'echo the hook'", 0, "a step\n" + hookSaid + "\nthe hook\n", ""},
	{"also after one that failed", jobCS, "570-580",
		"hook 'echo the hook'; echo 'exit 3' >step; ACTIONS_RUNNER_HOOK_JOB_COMPLETED=$PWD/hook.sh " +
			"./bin/Runner.Worker step",
		1, "the hook\n" + hookSaid + "\nthe hook\nexit status 3", ""},
	{"a hook that is not there fails the job", hookCS, "48-52",
		"HOOK=$PWD/none.sh hook", 1, "File doesn't exist", ""},
	{"so does one that the runner's user may not reach", hookCS, "48-52", `
echo true >hook.sh; echo true >step; chmod -R a+rX . ..; chmod 700 /r/$name/shims 2>/dev/null; mkdir -m 700 private
mv hook.sh private/; ACTIONS_RUNNER_HOOK_JOB_COMPLETED=$PWD/private/hook.sh \
  runuser -u nobody -- ./bin/Runner.Worker step
`, 1, "File doesn't exist", ""},
	{"a hook is a file of one of three kinds", hostCS, "812-835",
		"HOOK=$PWD/step hook", 1, "Make sure it ends in '.sh', '.ps1' or '.js'.", ""},
	{"a hook that fails fails the job", scriptCS, "351-356",
		"hook 'exit 4'", 1, "##[error]Process completed with exit code 4.", ""},
	{"a hook runs by bash with -e and no other flag", shellsCS, "13-21",
		"hook 'echo $- $SHELLOPTS'", 0, "\nehB braceexpand:errexit:hashall:interactive-comments\n", ""},
	{"a hook runs in the workspace", scriptCS, "167-168", "hook 'pwd'", 0, "/r/row", ""},
	{"a job that deletes its workspace fails with a hook", scriptCS, "339-349",
		"echo 'rmdir $PWD' >/r/$name.step; echo true >/r/$name.sh; mkdir w; cd w; " +
			"ACTIONS_RUNNER_HOOK_JOB_COMPLETED=/r/$name.sh ../bin/Runner.Worker /r/$name.step",
		1, "no such file or directory", ""},
	{"a hook's file commands are the host's, a container's job or not", hookCS, "80-92",
		"hook 'echo \"| a table |\" >>$GITHUB_STEP_SUMMARY'", 0, hookSaid, "summary | a table |"},
	{"a summary that is empty is none", filesCS, "241-245",
		"hook 'test -f $GITHUB_STEP_SUMMARY && echo there'", 0, "there", ""},

	{"config.sh refuses root", configSh, "5-9", "unset RUNNER_ALLOW_RUNASROOT; c", 1, "Must not run with sudo", ""},
	{"config.sh wants ldd", configSh, "14-19", "PATH=/nowhere ./config.sh", 1, "Can not find 'ldd'", ""},
	{"config.sh looks for missing libraries", configSh, "23-42",
		`shim ldd 'echo libssl.so.3 =\> not found'; c`, 1, "Dependencies is missing for Dotnet Core 6.0", ""},
	{"config.sh finds ldconfig outside of PATH", configSh, "44-52",
		"PATH=/usr/bin:/bin; c", 0, "Runner successfully added", ""},
	{"config.sh wants libicu", configSh, "54-60", "shim ldconfig ''; c", 1, "Libicu's dependencies is missing", ""},
	{"config.sh keeps PATH and some variables", envSh, "37-42",
		"LANG=xx EGR=no c; cat .env; cmp .path <<<$PATH && echo same", 0, "LANG=xx\nsame", ""},
	{"a variable that .env has stays", envSh, "25-35", "echo LANG=yy >.env; LANG=xx c; cat .env", 0, "LANG=yy", ""},
	{"a registration is not overwritten", manageCS, "124-127", "touch .runner; c", 1, "already configured", ""},
	{"a registration that was moved counts as one", storeCS, "236-242",
		"touch .runner_migrated; c", 1, "already configured", ""},
	{"GitHub adds labels", manageCS, "691-696", "c", 0, "", "labels self-hosted,Linux,X64,k"},
	{"--no-default-labels", manageCS, "691-700", "c --no-default-labels", 0, "", "labels k"},
	{"--disableupdate stays in the settings", manageCS, "257",
		"c --disableupdate; cat .runner", 0, `"DisableUpdate":true`, ""},
	{"--ephemeral stays in the settings", manageCS, "258", "c --ephemeral; cat .runner", 0, `"Ephemeral":true`, ""},
	{"a token that is not valid ends config.sh with 1", runnerCS, "159-164", "TOKEN=x; c", 1, "register: ", ""},
	{"svc.sh comes of its template with the registration", systemdCS, "20-44",
		"[ ! -e svc.sh ] && c && grep -c actions.runner.owner-repo.$name.service svc.sh", 0, "1", ""},

	{"run.sh hides that root is refused", runHelper, "3-8",
		"unset RUNNER_ALLOW_RUNASROOT; c; ./run.sh", 0, "Must not run interactively with sudo", ""},
	{"without a registration run.sh ends with 0", manageCS, "59-62", "./run.sh", 0, "Not configured", ""},
	{"exit 0 is the end", runHelper, "38-40", "listener 0; ./run.sh", 0, "with 0 return code", ""},
	{"exit 1 is the end, with 0", runHelper, "44-46", "listener 1; ./run.sh", 0, "terminated error", ""},
	{"exit 2 is tried again after 5 s", runHelper, "47-50",
		"SECONDS=0; listener 2 0; ./run.sh; ((SECONDS >= 5)) && echo waited", 0, "waited", ""},
	{"exit 3 waits for the end of the update", runHelper, "51-62", `
SECONDS=0; listener 3 0; (sleep 2; touch update.finished) & ./run.sh
((SECONDS < 20)) && ls update.finished
`, 2, "because of updating", ""},
	{"exit 4 too, of a single-use runner", runHelper, "63-74",
		"listener 4 0; touch update.finished; ./run.sh", 0, "because of updating", ""},
	{"exit 5 is the end, with 0", runHelper, "75-77", "listener 5; ./run.sh", 0, "Session Conflict", ""},
	{"exit 7 comes through if asked for", runSh, "22-24", `
ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1; export ${!ACTIONS_RUNNER*}; listener 7; ./run.sh
`, 7, "Exiting runner", ""},
	{"exit 7 is 0 otherwise", runHelper, "78-81", "listener 7; ./run.sh", 0, "unknown error code: 7", ""},
	{"an outdated version is refused", programCS, "142-147",
		"echo 2.300.0 >bin/version; c; ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1 run 20",
		7, "is deprecated", "version refused 2.300.0"},
	{"and the code for it is 1 otherwise", programCS, "162-170",
		"echo 2.300.0 >bin/version; c; run 20", 1, "is deprecated", ""},

	{"just-in-time files are written", runnerCS, "234-256", `
export ACTIONS_RUNNER_INPUT_JITCONFIG=$JIT; run 3; grep -c AgentId .runner; ls .credentials_rsaparams
`, 0, "1\n.credentials_rsaparams", ""},
	{"what is no just-in-time configuration ends it", runnerCS, "262-267",
		"./run.sh --jitconfig bm8K", 0, "terminated error", ""},
	{"a registration that was moved comes first", runnerCS, "428-482", `
c --disableupdate; sed s/$name/other/ .runner >settings; mv .runner .runner_migrated
mv settings .runner; run 3
`, 124, "Listening for Jobs", "session ends token:NAME"},
	{"only the moved one: its settings are missing", storeCS, "280-296",
		"c; mv .runner .runner_migrated; run 3", 2, "configuredSettings", ""},
	{"a registration that GitHub does not know is the end", brokerCS, "466-471",
		`c; sed -i s/token:$name/token:nobody/ .runner; run 20`,
		1, "no longer exists on the server", "session refused"},
	{"one that is removed is the end of an idle runner, with 0", runnerCS, "823-830", `
c --disableupdate; (sleep 3; /boottest/machine remove $name) & run 20
`, 0, "Cleaning up local configuration", "removed NAME"},
	{"its files go with it", runnerCS, "877-880", `
c --disableupdate; (sleep 3; /boottest/machine remove $name) & run 20; ls -A | grep -cE '^[.](runner|cred)'
`, 1, "0", ""},
	{"run.sh ends with 0 then, and each time after it", manageCS, "59-62", `
c --disableupdate; (sleep 3; /boottest/machine remove $name) & ./run.sh && ./run.sh
`, 0, "Not configured", ""},
	{"a second listener is in conflict", brokerCS, "472-493", `
c --disableupdate; run 60 & until grep -qs Listening _diag/*; do sleep 1; done; ./run.sh; kill -INT %1
pkill -INT -x Runner.Listener; true
`, 0, "Session Conflict", "session conflict token:NAME"},
	{"SIGINT ends the session", runnerCS, "860-873",
		"c --disableupdate; run 3", 124, "Listening for Jobs", "session ends token:NAME"},
	{"a runner that is behind updates itself", updaterCS, "57-133", `
c; ./run.sh & until [ -L bin ]; do sleep 1; done
until grep -qs Listening $(ls -t _diag/Runner* | head -n 1) && [ $(ls _diag/Runner* | wc -l) = 2 ]
do sleep 1; done; pkill -INT -x Runner.Listener; wait; cat bin/version
`, 0, newer, "self-update begins " + newer},
	{"its folders change when the listener is gone", updateSh, "30-213", `
listener
sed -e s,_PROCESS_ID_,1234567,g -e s,_ROOT_FOLDER_,$PWD,g -e s,_EXIST_RUNNER_VERSION_,1,g \
  -e s,_DOWNLOAD_RUNNER_VERSION_,2,g -e s,_UPDATE_LOG_,$PWD/log,g bin/update.sh.template >u
bash u; ls -d bin.1 update.finished log.succeed; readlink bin | grep -o bin.2
`, 0, "bin.1\nlog.succeed\nupdate.finished\nbin.2", ""},
	{"with DisableUpdate it is not told to", brokerCS, "296-302",
		"c --disableupdate; run 4; [ ! -L bin ] && echo same", 0, "same", ""},
	{".NET wants ICU", envlinuxMD, "26-40", `
mkdir -p /hidden; mv /usr/lib/*/libicuuc.so* /hidden; ./bin/Runner.Listener --version; code=$?
mv /hidden/* /usr/lib/x86_64-linux-gnu/; exit $code
`, 134, "valid ICU package", ""},

	{"svc.sh wants root", svcSh, "23-30",
		"c; chmod -R a+rX . ..; runuser -u nobody -- ./svc.sh status", 1, "Must run as sudo", ""},
	{"svc.sh install writes and enables a unit", svcSh, "53-103", `
c; ./svc.sh install; systemctl is-enabled $(<.service); ls /etc/systemd/system/$(<.service)
./svc.sh uninstall
`, 0, "enabled\n/etc/systemd/system/actions.runner.", ""},
	{"svc.sh install refuses a unit that is there", svcSh, "56-58",
		"c; ./svc.sh install; ./svc.sh install; code=$?; ./svc.sh uninstall; exit $code", 1, "error: exists", ""},
	{"svc.sh install refuses a user that is not there", svcSh, "65-69",
		"c; ./svc.sh install nobody-here", 1, "User does not exist", ""},
	{"svc.sh start and stop work where the unit is in /etc", svcSh, "105-115", `
c --disableupdate; ./svc.sh install; ./svc.sh start && systemctl is-active $(<.service); ./svc.sh stop
./svc.sh uninstall
`, 0, "active", ""},
	{"svc.sh start fails where the unit is not in /etc, though it starts", svcSh, "140-153", `
c --disableupdate; ./svc.sh install; u=$(<.service); mv /etc/systemd/system/$u /run/systemd/system/
systemctl daemon-reload; ./svc.sh start; code=$?; systemctl is-active $u; systemctl stop $u
rm /run/systemd/system/$u; exit $code
`, 1, "not installed\n\nactive", ""},
	{"svc.sh stop fails there too", svcSh, "111-115", `
c; ./svc.sh install; u=$(<.service); mv /etc/systemd/system/$u /run/systemd/system/
systemctl daemon-reload; ./svc.sh stop; code=$?; rm /run/systemd/system/$u; exit $code
`, 1, "not installed", ""},
	{"svc.sh uninstall without a unit is fine", svcSh, "117-130", "c; ./svc.sh uninstall", 0, "is not installed", ""},
	{"the service's PATH is .path", runsvcSh, "7-11",
		"echo /from/path:$PATH >.path; listener 0; ./bin/runsvc.sh", 0, ".path=/from/path", ""},
	{"the service needs the runner's own node", runsvcSh, "13-21",
		"rm externals/node20/bin/node; ./bin/runsvc.sh", 127, "No such file", ""},
	{"the service ends for good with 1", serviceJS, "88-92",
		"listener 1 0; ./bin/runsvc.sh; wc -l <codes", 0, "error code 1\n1", ""},
	{"the service ends for good with a conflict", serviceJS, "117-121",
		"listener 5 0; ./bin/runsvc.sh; wc -l <codes", 0, "error code 5\n1", ""},
	{"the service starts anew after an update", serviceJS, "105-116",
		"SECONDS=0; listener 3 0; ./bin/runsvc.sh; ((SECONDS >= 5)) && echo waited", 0, "waited", ""},

	{"installdependencies.sh wants root", dependSh, "3-8",
		"chmod -R a+rX . ..; runuser -u nobody -- ./bin/installdependencies.sh",
		1, "Need to run with sudo privilege", ""},
	{"installdependencies.sh does not know Amazon Linux", dependSh, "163-190", `
mv /etc/debian_version /; ./bin/installdependencies.sh; code=$?; mv /debian_version /etc/; exit $code
`, 1, "Can't detect current OS type", ""},
	{"installdependencies.sh tries nothing twice", dependSh, "69-75",
		"shim apt-get 'echo tried; exit 100'; ./bin/installdependencies.sh | grep -c tried", 0, "1", ""},
}

//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// update is the runner's self-update: it downloads the version that GitHub asks for, waits for the end of the job, and
// leaves the rest to a script that waits for the listener's end. It reports whether there is something to apply.
func (r *runner) update(version string, job *runningJob) bool {
	fmt.Println("Runner update in progress, do not shutdown runner.")
	fmt.Println("Downloading " + version + " runner")
	_ = post("/event", map[string]string{"what": "self-update begins", "detail": version}, nil)
	if err := r.downloadUpdate(version); err != nil {
		fmt.Println("Runner update failed: " + err.Error())
		return false
	}
	fmt.Println("Waiting for current job finish running.")
	if job != nil {
		<-job.done()
	}
	if err := r.startUpdateScript(version); err != nil {
		fmt.Println("Runner update failed: " + err.Error())
		return false
	}
	fmt.Println("Runner will exit shortly for update, should be back online within 10 seconds.")
	return true
}

// downloadUpdate writes the archive to a file, unpacks it and copies it to its place: nothing is streamed.
func (r *runner) downloadUpdate(version string) error {
	dir := filepath.Join(r.home, "_work", "_update")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	archive := filepath.Join(dir, "runner1.tar.gz")
	url := fmt.Sprintf("https://github.com/actions/runner/releases/download/v%s/actions-runner-linux-x64-%[1]s.tar.gz",
		version)
	if err := fetch(url, archive); err != nil {
		return err
	}
	script := `set -e
cd "$1"
tar -xzf runner1.tar.gz
rm runner1.tar.gz
cp -r bin "$2/bin.$3"
cp -r externals "$2/externals.$3"
find . -maxdepth 1 -type f -exec cp -f {} "$2/" ';'`
	out, err := exec.Command("bash", "-c", script, "update", dir, r.home, version).CombinedOutput()
	if err != nil {
		return fmt.Errorf("unpack the update: %w: %s", err, out)
	}
	return nil
}

func fetch(url, to string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return httpError(resp.StatusCode)
	}
	file, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	_, err = io.Copy(file, resp.Body)
	return err
}

func (r *runner) startUpdateScript(version string) error {
	template, err := os.ReadFile(filepath.Join(r.home, "bin", "update.sh.template"))
	if err != nil {
		return err
	}
	text := strings.NewReplacer(
		"_PROCESS_ID_", fmt.Sprint(os.Getpid()), "_ROOT_FOLDER_", r.home,
		"_EXIST_RUNNER_VERSION_", r.version, "_DOWNLOAD_RUNNER_VERSION_", version,
		"_UPDATE_LOG_", filepath.Join(r.home, "_diag", "SelfUpdate-"+time.Now().UTC().Format("20060102-150405")+".log"),
	).Replace(string(template))
	script := filepath.Join(r.home, "_work", "_update.sh")
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		return err
	}
	_ = os.Remove("update.finished")
	return exec.Command("bash", script).Start()
}

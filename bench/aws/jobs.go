package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// job contains the fields of a job that are needed.
// https://docs.github.com/en/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run
type job struct {
	Status     string   `json:"status"`
	Conclusion string   `json:"conclusion"`
	Labels     []string `json:"labels"`
	Steps      []struct {
		Number    int        `json:"number"`
		StartedAt *time.Time `json:"started_at"`
	} `json:"steps"`
}

// firstStep returns when the workflow's first step began, which is the one after GitHub's "Set up job"; zero if it has
// not.
func (j job) firstStep() time.Time {
	for _, s := range j.Steps {
		if s.Number > 1 && s.StartedAt != nil {
			return *s.StartedAt
		}
	}
	return time.Time{}
}

// awaitJob waits until the job of a label is completed: stopping its machine earlier would fail it.
func (s *session) awaitJob(ctx context.Context, label string) (job, error) {
	var last error
	for begun := time.Now(); time.Since(begun) < s.patience; {
		jobs, err := s.jobs(ctx)
		last = err
		for _, j := range jobs {
			if slices.Contains(j.Labels, label) && j.Status == "completed" && !j.firstStep().IsZero() {
				return j, nil
			}
		}
		if err := pause(ctx, s.every); err != nil {
			return job{}, err
		}
	}
	if last != nil {
		return job{}, last
	}
	return job{}, fmt.Errorf("the job of label %s is not over after %s", label, s.patience)
}

// jobs returns the jobs of the latest attempt of this run, by pages of 100, with GITHUB_TOKEN.
func (s *session) jobs(ctx context.Context) ([]job, error) {
	base := s.getenv("GITHUB_API_URL")
	if base == "" {
		base = "https://api.github.com"
	}
	var list []job
	for page := 1; ; page++ {
		url := fmt.Sprintf("%s/repos/%s/actions/runs/%s/jobs?per_page=100&page=%d", base, s.getenv("GITHUB_REPOSITORY"),
			s.getenv("GITHUB_RUN_ID"), page)
		var answer struct {
			Total int   `json:"total_count"`
			Jobs  []job `json:"jobs"`
		}
		if err := s.get(ctx, url, &answer); err != nil {
			return nil, fmt.Errorf("list the run's jobs: %w", err)
		}
		list = append(list, answer.Jobs...)
		if len(answer.Jobs) == 0 || len(list) >= answer.Total {
			return list, nil
		}
	}
}

func (s *session) get(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+s.getenv("GITHUB_TOKEN"))
	request.Header.Set("Accept", "application/vnd.github+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GitHub responds %s; the job needs actions: read", response.Status)
	}
	return json.Unmarshal(body, into)
}

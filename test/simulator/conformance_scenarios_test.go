package simulator_test

import (
	"fmt"
	"testing"

	"github.com/actions/scaleset"
)

// scenarios are those that both services have to tell alike.
var scenarios = []scenario{
	{
		name: "create and find", play: playSets,
		want: `
			created alpha in Default with [alpha]
			created beta in Default with [one two]
			found alpha by name: alpha
			found alpha by id: alpha
			found gamma by name: nil
			a second alpha: 400
			renamed beta: gamma
			labels of gamma: [three]
			group Default: 1
			group none: 200
			deleted alpha: ok
			found alpha by id: 404
			deleted alpha again: 404`,
		// GitHub's own answer is 400: https://github.com/macstadium/orka-github-actions-integration/pull/63
		but: map[int]string{6: "a second alpha: 409"},
	},
	{
		name: "one session", play: playSession,
		want: `
			session of host-1 with 0 assigned
			a second holder: 409
			an empty poll: nothing
			closed: ok
			a poll of the closed session: 400
			closed again: 400
			the next holder: ok`,
		// GitHub's own answer is 400: https://github.com/actions/actions-runner-controller/issues/4285
		but: map[int]string{5: "a poll of the closed session: 404", 6: "closed again: 404"},
	},
	{
		name: "three jobs", play: playJobs,
		want: `
			available 3, assigned 0, started 0, completed 0; of 0 0 run on 0
			acquired 3 of 3: ok
			available 0, assigned 3, started 0, completed 0; of 3 0 run on 0
			JIT for r1: ok
			available 0, assigned 0, started 1, completed 0; of 3 1 run on 1
			removing r1: job still running
			JIT for r2: ok
			available 0, assigned 0, started 1, completed 0; of 3 2 run on 2
			JIT for r3: ok
			available 0, assigned 0, started 1, completed 0; of 3 3 run on 3
			available 0, assigned 0, started 0, completed 1; of 2 2 run on 2
			r1 succeeded
			available 0, assigned 0, started 0, completed 1; of 1 1 run on 1
			r2 succeeded
			available 0, assigned 0, started 0, completed 1; of 0 0 run on 0
			r3 succeeded
			the end: nothing`,
	},
	{
		name: "acknowledge and redelivery", play: playMessages,
		want: `
			the first message holds 50
			given again to who has not seen it: true
			who has seen it gets 10 more
			the next session begins with it: true
			acknowledged: ok
			acknowledged again: ok
			then comes the second: true
			acknowledged: ok
			the end: nothing`,
	},
	{
		name: "JIT and remove", play: playRunners,
		want: `
			JIT for r1: ok
			it belongs to the set: true
			JIT for r1: runner exists
			by name: r1
			by id: r1
			by another name: nobody
			removed: ok
			removed again: runner not found
			by id: runner not found
			JIT for r1: ok
			JIT without a set: 404`,
	},
	{
		name: "expiry", play: playExpiry,
		want: `
			a poll with an expired token: nothing
			the token is another one: true
			acknowledge with an expired token: ok
			acquire with an expired token: ok
			acquire without a list: 400
			a call with a revoked admin token: 401`,
	},
	{
		name: "a session dropped", play: playDropped,
		want: `
			a poll: 400
			an acknowledgment: 400
			the next one: ok`,
		// GitHub's own answer is 400: https://github.com/actions/actions-runner-controller/issues/4285
		but: map[int]string{1: "a poll: 404", 2: "an acknowledgment: 404"},
	},
	{
		name: "a set deleted under its session", play: playDeleted,
		want: `
			a poll: 404
			closed: 404
			JIT for r1: 404`,
	},
	{
		name: "a group", play: playGroup,
		want: `
			alpha in gpu: ok
			alpha in Default: nil
			a second alpha in gpu: 400
			moved to Default: Default
			in a group that is not there: 404`,
		// As for a second set of one name in Default.
		but: map[int]string{3: "a second alpha in gpu: 409"},
	},
	{
		name: "an App", play: playApp,
		want: `
			created alpha as an App: ok
			another installation: 404`,
	},
}

func playSets(t *testing.T, p *player) {
	ctx, c := t.Context(), p.s.client
	labels := func(s *scaleset.RunnerScaleSet) (names []string) {
		for _, l := range s.Labels {
			names = append(names, l.Name)
		}
		return names
	}
	alpha, beta := p.create("alpha"), p.create("beta", "one", "two")
	for _, s := range []*scaleset.RunnerScaleSet{alpha, beta} {
		p.tell("created %s in %s with %v", s.Name, s.RunnerGroupName, labels(s))
	}
	p.tell("found alpha by name: %s", must[*scaleset.RunnerScaleSet](t)(c.GetRunnerScaleSet(ctx, 1, "alpha")).Name)
	p.tell("found alpha by id: %s", must[*scaleset.RunnerScaleSet](t)(c.GetRunnerScaleSetByID(ctx, alpha.ID)).Name)
	if found := must[*scaleset.RunnerScaleSet](t)(c.GetRunnerScaleSet(ctx, 1, "gamma")); found == nil {
		p.tell("found gamma by name: nil")
	}
	_, err := c.CreateRunnerScaleSet(ctx, &scaleset.RunnerScaleSet{Name: "alpha", RunnerGroupID: 1})
	p.tell("a second alpha: %s", outcome(err))
	gamma := must[*scaleset.RunnerScaleSet](t)(c.UpdateRunnerScaleSet(ctx, beta.ID,
		&scaleset.RunnerScaleSet{Name: "gamma",
			Labels: []scaleset.Label{{Name: "three"}}}))
	p.tell("renamed beta: %s", gamma.Name)
	p.tell("labels of gamma: %v", labels(gamma))
	p.tell("group Default: %d", must[*scaleset.RunnerGroup](t)(c.GetRunnerGroupByName(ctx, "Default")).ID)
	_, err = c.GetRunnerGroupByName(ctx, "none")
	p.tell("group none: %s", outcome(err))
	p.tell("deleted alpha: %s", outcome(c.DeleteRunnerScaleSet(ctx, alpha.ID)))
	_, err = c.GetRunnerScaleSetByID(ctx, alpha.ID)
	p.tell("found alpha by id: %s", outcome(err))
	p.tell("deleted alpha again: %s", outcome(c.DeleteRunnerScaleSet(ctx, alpha.ID)))
}

func playSession(t *testing.T, p *player) {
	ctx := t.Context()
	set := p.create("alpha")
	session := p.open(set.ID)
	s := session.Session()
	p.tell("session of %s with %d assigned", s.OwnerName, s.Statistics.TotalAssignedJobs)
	_, err := p.s.client.MessageSessionClient(ctx, set.ID, "host-2")
	p.tell("a second holder: %s", outcome(err))
	p.tell("an empty poll: %s", counted(p.poll(session)))
	p.tell("closed: %s", outcome(session.Close(ctx)))
	_, err = session.GetMessage(soon(t), 0, 1)
	p.tell("a poll of the closed session: %s", outcome(err))
	p.tell("closed again: %s", outcome(session.Close(ctx)))
	_, err = p.s.client.MessageSessionClient(ctx, set.ID, "host-2")
	p.tell("the next holder: %s", outcome(err))
}

func playJobs(t *testing.T, p *player) {
	set := p.create("alpha")
	var jobs []string
	for range 3 {
		jobs = append(jobs, p.s.queue(set.ID))
	}
	session := p.open(set.ID)
	m := p.poll(session)
	p.tell("%s", counted(m))
	p.acquire(session, m)
	p.tell("%s", counted(p.poll(session)))
	for n, job := range jobs {
		name := fmt.Sprintf("r%d", n+1)
		made := p.jit(set.ID, name)
		p.s.start(job, name, made.EncodedJITConfig)
		p.tell("%s", counted(p.poll(session)))
		if n == 0 {
			p.tell("removing r1: %s", outcome(p.s.client.RemoveRunner(t.Context(), int64(made.Runner.ID))))
		}
	}
	for _, job := range jobs {
		p.s.finish(job)
		m := p.poll(session)
		p.tell("%s", counted(m))
		for _, done := range m.JobCompletedMessages {
			p.tell("%s %s", done.RunnerName, done.Result)
		}
	}
	p.tell("the end: %s", counted(p.poll(session)))
}

func playMessages(t *testing.T, p *player) {
	ctx := t.Context()
	set := p.create("alpha")
	for range 60 {
		p.s.queue(set.ID)
	}
	session := p.open(set.ID)
	get := func(last int) *scaleset.RunnerScaleSetMessage {
		return must[*scaleset.RunnerScaleSetMessage](t)(session.GetMessage(ctx, last, 100))
	}
	first := get(0)
	p.tell("the first message holds %d", len(first.JobAvailableMessages))
	p.tell("given again to who has not seen it: %t", get(0).MessageID == first.MessageID)
	second := get(first.MessageID)
	p.tell("who has seen it gets %d more", len(second.JobAvailableMessages))
	if err := session.Close(ctx); err != nil {
		t.Fatal(err)
	}
	session = p.open(set.ID)
	p.tell("the next session begins with it: %t", get(0).MessageID == first.MessageID)
	p.tell("acknowledged: %s", outcome(session.DeleteMessage(ctx, first.MessageID)))
	p.tell("acknowledged again: %s", outcome(session.DeleteMessage(ctx, first.MessageID)))
	p.tell("then comes the second: %t", get(0).MessageID == second.MessageID)
	p.tell("acknowledged: %s", outcome(session.DeleteMessage(ctx, second.MessageID)))
	p.tell("the end: %s", counted(get(0)))
}

func playRunners(t *testing.T, p *player) {
	ctx, c := t.Context(), p.s.client
	set := p.create("alpha")
	made := p.jit(set.ID, "r1")
	p.tell("it belongs to the set: %t", made.Runner.RunnerScaleSetID == set.ID)
	p.jit(set.ID, "r1")
	p.tell("by name: %s", p.visible("r1"))
	byID := func() {
		r, err := c.GetRunner(ctx, made.Runner.ID)
		if err != nil {
			p.tell("by id: %s", outcome(err))
			return
		}
		p.tell("by id: %s", r.Name)
	}
	byID()
	if r := must[*scaleset.RunnerReference](t)(c.GetRunnerByName(ctx, "r2")); r == nil {
		p.tell("by another name: nobody")
	}
	p.tell("removed: %s", outcome(c.RemoveRunner(ctx, int64(made.Runner.ID))))
	p.tell("removed again: %s", outcome(c.RemoveRunner(ctx, int64(made.Runner.ID))))
	byID()
	p.jit(set.ID, "r1")
	_, err := c.GenerateJitRunnerConfig(ctx, &scaleset.RunnerScaleSetJitRunnerSetting{Name: "r2"}, set.ID+77)
	p.tell("JIT without a set: %s", outcome(err))
}

func playExpiry(t *testing.T, p *player) {
	ctx := t.Context()
	set := p.create("alpha")
	session := p.open(set.ID)
	before := session.Session().MessageQueueAccessToken
	p.s.expireQueueToken(set.ID)
	p.tell("a poll with an expired token: %s", counted(p.poll(session)))
	p.tell("the token is another one: %t", session.Session().MessageQueueAccessToken != before)
	p.s.expireQueueToken(set.ID)
	p.tell("acknowledge with an expired token: %s", outcome(session.DeleteMessage(ctx, 1)))
	p.s.expireQueueToken(set.ID)
	_, err := session.AcquireJobs(ctx, []int64{})
	p.tell("acquire with an expired token: %s", outcome(err))
	_, err = session.AcquireJobs(ctx, nil) // null on the wire
	p.tell("acquire without a list: %s", outcome(err))
	p.s.expireAdminTokens()
	_, err = p.s.client.GetRunnerScaleSetByID(ctx, set.ID)
	p.tell("a call with a revoked admin token: %s", outcome(err))
}

func playDropped(t *testing.T, p *player) {
	set := p.create("alpha")
	session := p.open(set.ID)
	p.s.dropSession(set.ID)
	_, err := session.GetMessage(soon(t), 0, 1)
	p.tell("a poll: %s", outcome(err))
	p.tell("an acknowledgment: %s", outcome(session.DeleteMessage(soon(t), 1)))
	_, err = p.s.client.MessageSessionClient(t.Context(), set.ID, "host-1")
	p.tell("the next one: %s", outcome(err))
}

func playDeleted(t *testing.T, p *player) {
	ctx := t.Context()
	set := p.create("alpha")
	session := p.open(set.ID)
	if err := p.s.client.DeleteRunnerScaleSet(ctx, set.ID); err != nil {
		t.Fatal(err)
	}
	_, err := session.GetMessage(soon(t), 0, 1)
	p.tell("a poll: %s", outcome(err))
	p.tell("closed: %s", outcome(session.Close(ctx)))
	p.jit(set.ID, "r1")
}

func playApp(t *testing.T, p *player) {
	_, err := p.s.app(99).CreateRunnerScaleSet(t.Context(), &scaleset.RunnerScaleSet{Name: "alpha", RunnerGroupID: 1})
	p.tell("created alpha as an App: %s", outcome(err))
	_, err = p.s.app(98).GetRunnerScaleSetByID(t.Context(), 1)
	p.tell("another installation: %s", outcome(err))
}

func playGroup(t *testing.T, p *player) {
	ctx, c := t.Context(), p.s.client
	group := must[*scaleset.RunnerGroup](t)(c.GetRunnerGroupByName(ctx, "gpu"))
	in := func() *scaleset.RunnerScaleSet {
		return &scaleset.RunnerScaleSet{Name: "alpha", RunnerGroupID: group.ID}
	}
	set, err := c.CreateRunnerScaleSet(ctx, in())
	p.tell("alpha in gpu: %s", outcome(err))
	if found := must[*scaleset.RunnerScaleSet](t)(c.GetRunnerScaleSet(ctx, 1, "alpha")); found == nil {
		p.tell("alpha in Default: nil")
	}
	_, err = c.CreateRunnerScaleSet(ctx, in())
	p.tell("a second alpha in gpu: %s", outcome(err))
	moved := must[*scaleset.RunnerScaleSet](t)(c.UpdateRunnerScaleSet(ctx, set.ID,
		&scaleset.RunnerScaleSet{Name: "alpha",
			RunnerGroupID: 1}))
	p.tell("moved to Default: %s", moved.RunnerGroupName)
	_, err = c.UpdateRunnerScaleSet(ctx, set.ID, &scaleset.RunnerScaleSet{Name: "alpha", RunnerGroupID: 77})
	p.tell("in a group that is not there: %s", outcome(err))
}

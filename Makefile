# Targets for developers. demo and test need nothing but Go and make.
.DEFAULT_GOAL := help
.PHONY: help demo demo-serve build build-serve test test-real lint fmt figures bench clean permissions permissions-page

# Static and without a C compiler, as the image is built.
export CGO_ENABLED = 0

help: ## show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

demo: build ## start, use and stop a runner, with a simulated EC2 and GitHub
	go run ./cmd/demo -binary bin/ec2-github-runner

demo-serve: build-serve ## run twenty jobs by a scale set, with a simulated EC2 and GitHub
	go run ./cmd/demo-serve -binary bin/ec2-github-runner-serve

build: ## build the action as bin/ec2-github-runner
	go build -trimpath -ldflags "-s -w" -o bin/ec2-github-runner .

build-serve: ## build the scale-set server as bin/ec2-github-runner-serve
	go build -trimpath -ldflags "-s -w" -o bin/ec2-github-runner-serve ./cmd/serve

# These take longest, so they begin first.
LONGEST = ./test/enumeration ./bench/aws ./runner

# Garbage collection took a quarter of the tests' time, and they do not need much memory.
test: export GOGC = 400

# The scripts mostly wait and measure real time, so the other tests run concurrently at a lower priority.
test: ## run every test that needs nothing but Go
	@nice go vet -tags real,boottest ./... & vet=$$!; \
	nice go test -shuffle=on -count=1 -timeout 600s $(LONGEST) $$(go list ./... | grep -v '/test/script$$') & rest=$$!; \
	go test -shuffle=on -count=1 -timeout 600s ./test/script; status=$$?; \
	wait $$rest || status=1; wait $$vet && exit $$status

test-real: ## run linters, race detector, independent service emulators, the image and real boots (Debian, root)
	scripts/test-real

lint: ## run the linters only
	scripts/test-real shell go rules workflows

fmt: ## format the Go code as the linter requires
	scripts/tool golangci-lint fmt

figures: ## print the figures of the code's structure; ISSUE=18 counts what an issue's commits added
	@go run ./cmd/figures $(if $(ISSUE),-issue $(ISSUE))

bench: build ## measure what the program costs and write docs/performance.md; IMAGE=tag, AGAINST='node index.js' too
	go run ./bench -binary bin/ec2-github-runner -image "$(IMAGE)" -against "$(AGAINST)" -against-name "$(AGAINST_NAME)"
	go run ./bench -report docs/performance.md

permissions: ## print the minimal IAM policy for MODES="start stop", with FEATURES, REPOSITORY, ACCOUNT, ROLE, KEPT, KEY and SCOPE
	@go run ./cmd/permissions -features "$(FEATURES)" -repository "$(REPOSITORY)" -account "$(ACCOUNT)" -role "$(ROLE)" -kept "$(KEPT)" -key "$(KEY)" -scope "$(SCOPE)" $(or $(MODES),start stop)

permissions-page: ## generate docs/permissions.md and the policies of docs/aws from the table of permissions
	go run ./cmd/permissions -page > docs/permissions.md.new
	mv docs/permissions.md.new docs/permissions.md
	for file in docs/aws/*.yml; do go run ./cmd/permissions -stack $$file > $$file.new && mv $$file.new $$file || exit; done

clean: ## remove build results (the shared cache stays)
	rm -rf bin .cache

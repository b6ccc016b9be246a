# What a developer runs. demo and test need Go and make, and nothing else.
.DEFAULT_GOAL := help
.PHONY: help demo demo-serve build build-serve test test-real lint fmt figures bench clean permissions permissions-page

# Static and without a C compiler, as the image is built.
export CGO_ENABLED = 0

help: ## show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: build ## a runner's whole life, against a simulated EC2 and GitHub
	go run ./cmd/demo -binary bin/ec2-github-runner

demo-serve: build-serve ## scale sets: twenty jobs come and go, against a simulated EC2 and GitHub
	go run ./cmd/demo-serve -binary bin/ec2-github-runner-serve

build: ## the program, as bin/ec2-github-runner
	go build -trimpath -ldflags "-s -w" -o bin/ec2-github-runner .

build-serve: ## the program of scale sets, as bin/ec2-github-runner-serve
	go build -trimpath -ldflags "-s -w" -o bin/ec2-github-runner-serve ./cmd/serve

# These take longest, and begin first.
LONGEST = ./test/enumeration ./bench/aws ./runner

# Tests have memory to spare, and a quarter of their time went into collecting it.
test: export GOGC = 400

# The scripts mostly wait, and keep times by the clock: all else runs beside them, and leaves them the processor.
test: ## every test that needs no other program
	@nice go vet -tags real,boottest ./... & vet=$$!; \
	nice go test -shuffle=on -count=1 -timeout 600s $(LONGEST) $$(go list ./... | grep -v '/test/script$$') & rest=$$!; \
	go test -shuffle=on -count=1 -timeout 600s ./test/script; status=$$?; \
	wait $$rest || status=1; wait $$vet && exit $$status

test-real: ## linters, races, real clouds' stand-ins, the image, real boots; installs what it needs (Debian, root)
	scripts/test-real

lint: ## the linters alone
	scripts/test-real shell go rules workflows

fmt: ## format the Go code as the linter wants it
	scripts/tool golangci-lint fmt

figures: ## the figures of the code's structure; ISSUE=18 counts what an issue's commits added
	@go run ./cmd/figures $(if $(ISSUE),-issue $(ISSUE))

bench: build ## what the program costs, and docs/performance.md from it; IMAGE=tag and AGAINST='node index.js' measure these too
	go run ./bench -binary bin/ec2-github-runner -image "$(IMAGE)" -against "$(AGAINST)" -against-name "$(AGAINST_NAME)"
	go run ./bench -report docs/performance.md

permissions: ## the least IAM policy for MODES="start stop", with FEATURES, REPOSITORY, ACCOUNT, ROLE, KEPT, KEY and SCOPE
	@go run ./cmd/permissions -features "$(FEATURES)" -repository "$(REPOSITORY)" -account "$(ACCOUNT)" -role "$(ROLE)" -kept "$(KEPT)" -key "$(KEY)" -scope "$(SCOPE)" $(or $(MODES),start stop)

permissions-page: ## write docs/permissions.md and the policies of docs/aws from the table of permissions
	go run ./cmd/permissions -page > docs/permissions.md.new
	mv docs/permissions.md.new docs/permissions.md
	for file in docs/aws/*.yml; do go run ./cmd/permissions -stack $$file > $$file.new && mv $$file.new $$file || exit; done

clean: ## remove what was built here (the shared cache stays)
	rm -rf bin .cache

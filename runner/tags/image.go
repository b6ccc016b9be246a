package tags

// RunnerVersion stands on images made by this action: the version of the runner in them.
const RunnerVersion = Prefix + "runner-version"

// Architecture stands on images made by this action: amd64, arm64 or cuda.
const Architecture = Prefix + "architecture"

// System stands on images made by this action: the operating system of the image that they were made from, where
// it is known.
const System = Prefix + "system"

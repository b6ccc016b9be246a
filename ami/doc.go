// Package ami makes machine images that runners start from fast: with docker, git, the Actions runner
// and the user's own tools in them.
//
// A recipe (folder recipes) is what a builder gets as its user data: shell that sets the machine up step
// by step, proves that it works, removes what no image may carry, and then says so on the console for as
// long as the machine is up, where ReadVerdict finds it. The machine needs no credentials and nobody to
// talk to: whoever launched it reads, stops it and makes the image.
package ami

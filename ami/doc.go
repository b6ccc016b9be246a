// Package ami makes machine images from which runners start fast: with docker, git, the Actions runner and the user's
// own tools.
//
// A recipe (folder recipes) is the user data of a builder: shell code that sets up the machine step by step, proves
// that it works, and removes what an image must not contain. It then prints its verdict to the console for as long as
// the machine runs, where ReadVerdict finds it. The machine needs no credentials and no connection to its launcher,
// which reads the console, stops the machine and creates the image.
package ami

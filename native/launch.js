'use strict';
// Runs the program that a release puts beside this file. Without a container the runner cannot start
// a binary by itself: https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax#runs-for-javascript-actions
const { spawn } = require('node:child_process');
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { constants } = require('node:os');
const { join } = require('node:path');

function refuse(message, hint) {
  console.log(`::error::${message}%0A${hint}`);
  process.exitCode = 1;
}

// read returns the content of a file of this folder, or null where there is no such file.
function read(name) {
  try {
    return readFileSync(join(__dirname, name));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return null;
  }
}

// name is argv[0] of the program: by a name that ends in -post it knows that it is the post step.
module.exports = function launch(name) {
  const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  if (process.platform !== 'linux' || !architecture) {
    return refuse(`native: there is no program for ${process.platform} on ${process.arch}`,
      'run this job on a Linux runner of x64 or arm64, for example ubuntu-latest');
  }
  const file = `ec2-github-runner-linux-${architecture}`;
  const [program, checksums] = [read(file), read('checksums.json')];
  if (!program || !checksums) {
    return refuse(`native: this commit does not hold ${file}: only releases do`,
      'use a release, such as @v2, or the container action: the same uses: without /native');
  }
  const [want, got] = [JSON.parse(checksums)[file], createHash('sha256').update(program).digest('hex')];
  if (got !== want) {
    return refuse(`native: ${file} has the SHA-256 ${got}, and the release says ${want}`,
      'the download of the action is damaged: run the job again');
  }
  // Never spawnSync: it would keep this process from passing on the signals of a cancelled step.
  const child = spawn(join(__dirname, file), [], { argv0: name, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => refuse(`native: start ${file}: ${error.message}`, 'run the job again'));
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 128 + constants.signals[signal] : code;
  });
};

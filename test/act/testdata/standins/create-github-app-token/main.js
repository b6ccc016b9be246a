'use strict';
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
const { createSign } = require('node:crypto');
const { appendFileSync } = require('node:fs');
const call = require('./call.js');

function sign(app, key) {
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: now - 60, exp: now + 540, iss: app })}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(key, 'base64url')}`;
}

async function main() {
  const { env } = process;
  const [, repository] = env.GITHUB_REPOSITORY.split('/');
  const assertion = sign(env['INPUT_CLIENT-ID'], env['INPUT_PRIVATE-KEY']);
  const { id } = await call('GET', `/repos/${env.GITHUB_REPOSITORY}/installation`, assertion);
  const { token } = await call('POST', `/app/installations/${id}/access_tokens`, assertion, {
    repositories: [repository], permissions: { administration: env['INPUT_PERMISSION-ADMINISTRATION'] },
  });
  console.log(`::add-mask::${token}`);
  appendFileSync(env.GITHUB_OUTPUT, `token=${token}\n`);
  appendFileSync(env.GITHUB_STATE, `token=${token}\n`);
  console.log(`token of the App ${env['INPUT_CLIENT-ID']}`);
}

main().catch((error) => {
  console.log(`::error::${error.message}`);
  process.exitCode = 1;
});

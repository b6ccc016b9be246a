'use strict';
// https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
const { appendFileSync } = require('node:fs');

async function ask(address, options) {
  const response = await fetch(address, options);
  const text = await response.text();
  if (!response.ok) throw new Error(`${address}: ${response.status}: ${text}`);
  return text;
}

async function main() {
  const { env } = process;
  const role = env['INPUT_ROLE-TO-ASSUME'], region = env['INPUT_AWS-REGION'];
  if (!role || !region) throw new Error('role-to-assume and aws-region are needed');
  const { value: token } = JSON.parse(await ask(`${env.ACTIONS_ID_TOKEN_REQUEST_URL}&audience=sts.amazonaws.com`, {
    headers: { Authorization: `Bearer ${env.ACTIONS_ID_TOKEN_REQUEST_TOKEN}` },
  }));
  console.log(`::add-mask::${token}`);
  const answer = await ask(env.AWS_ENDPOINT_URL, {
    method: 'POST',
    body: new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15', RoleArn: role, RoleSessionName: 'GitHubActions', DurationSeconds: '3600', WebIdentityToken: token,
    }),
  });
  const exported = { AWS_REGION: region, AWS_DEFAULT_REGION: region };
  for (const [name, tag] of [['AWS_ACCESS_KEY_ID', 'AccessKeyId'], ['AWS_SECRET_ACCESS_KEY', 'SecretAccessKey'], ['AWS_SESSION_TOKEN', 'SessionToken']]) {
    exported[name] = answer.match(`<${tag}>([^<]+)</${tag}>`)[1];
    console.log(`::add-mask::${exported[name]}`);
  }
  for (const [name, value] of Object.entries(exported)) appendFileSync(env.GITHUB_ENV, `${name}=${value}\n`);
  console.log(`credentials by OIDC as ${role} in ${region}`);
}

main().catch((error) => {
  console.log(`::error::${error.message}`);
  process.exitCode = 1;
});

'use strict';

// call makes a call to GitHub's API with a credential, and returns its answer.
module.exports = async function call(method, path, credential, body) {
  const response = await fetch(process.env.GITHUB_API_URL + path, {
    method,
    headers: {
      Accept: 'application/vnd.github+json', Authorization: `Bearer ${credential}`, 'User-Agent': 'standin', 'Content-Type': 'application/json',
    },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}: ${text}`);
  return text && JSON.parse(text);
};

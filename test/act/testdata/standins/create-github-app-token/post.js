'use strict';
const call = require('./call.js');

call('DELETE', '/installation/token', process.env.STATE_token).catch((error) => {
  console.log(`::error::${error.message}`);
  process.exitCode = 1;
});

require('./launch.js')('ec2-github-runner-post');

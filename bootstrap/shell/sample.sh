# What the machine has and uses according to the kernel's counters, as numbers: the reporter samples them every five
# seconds, and the job's hook once more when the job ends.

EGR_REPORT=/run/ec2-github-runner-report
# Sizes are in KiB, shares in percent, times in seconds since boot, and processor time in ticks.
EGR_FACTS='job pid begin cores cpu_at idle_at steal_at cpu_from idle_from steal_from cpu_peak steal_peak load memory memory_peak cached_from cached_peak killed_at killed_from stalls_at stalls_from swap swap_peak disk disk_peak inodes'

# egr_raise_max NAME VALUE: sets the variable to VALUE if that is larger.
egr_raise_max() { (($1 >= $2)) || (($1 = $2)); }

# egr_save_facts: saves the facts, for the hook and for a restarted reporter.
egr_save_facts() {
  local name text=''
  for name in $EGR_FACTS; do text+="$name=${!name}"$'\n'; done
  printf '%send\n' "$text" >"$EGR_REPORT/state"
}

# egr_load_facts: loads the facts; returns false if they are incomplete.
egr_load_facts() {
  local name value
  while IFS='=' read -r name value; do
    [ "$name" != end ] || return 0
    if [[ $value != *[!0-9]* && " $EGR_FACTS " = *" $name "* ]]; then printf -v "$name" %s "$value"; fi
  done <"$EGR_REPORT/state"
  return 1
} 2>/dev/null

# egr_begin_job PID: starts a job with that Worker. Its time starts with the process, its counts with the last sample
# before.
egr_begin_job() {
  local text fields
  read -r text <"/proc/$1/stat" || return
  # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the 20th field after the name is the start time in
  # ticks.
  read -ra fields <<<"${text##*) }"
  pid=$1 job=$((job + 1)) begin=$((fields[19] / 100))
  cpu_from=$cpu_at idle_from=$idle_at steal_from=$steal_at killed_from=$killed_at stalls_from=$stalls_at
  cpu_peak=0 steal_peak=0 load=0 memory_peak=0 cached_from='' cached_peak=0 swap_peak=0 disk=0 disk_peak=0 inodes=0
  egr_find_memory_group
} 2>/dev/null

# egr_find_memory_group: finds whose memory limits the job: the machine's, or a surrounding control group with less
# (EGR_LIMIT), which then also has the peak; without one, the runner's own group has it.
# https://docs.kernel.org/admin-guide/cgroup-v2.html https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
egr_find_memory_group() {
  local kinds path root size
  EGR_GROUP='' EGR_LIMIT=''
  while IFS=: read -r _ kinds path; do
    case ,$kinds, in
      *,memory,*) root=/sys/fs/cgroup/memory EGR_FILES='usage_in_bytes limit_in_bytes max_usage_in_bytes total_cache total_shmem' ;;
      ,,) root=/sys/fs/cgroup EGR_FILES='current max peak file shmem' ;;
      *) continue ;;
    esac
    read -ra EGR_FILES <<<"$EGR_FILES"
    EGR_GROUP=$root$path
    while [ -n "$path" ]; do
      size=
      read -r size <"$root$path/memory.${EGR_FILES[1]}"
      # No limit is "max" in version 2, and nearly 2^63 in version 1.
      if [[ -n $size && $size != *[!0-9]* ]] && ((size >> 60 == 0 && size / 1024 < ${EGR_LIMIT:-size})); then
        EGR_GROUP=$root$path EGR_LIMIT=$((size / 1024))
      fi
      path=${path%/*}
    done
    return
  done <"/proc/$pid/cgroup"
} 2>/dev/null

# egr_read_count NAME: sets EGR_COUNT to the number in the line of $text that begins with NAME.
egr_read_count() {
  [[ $text =~ (^|$'\n')$1:?\ +([0-9]+) ]] && EGR_COUNT=${BASH_REMATCH[2]}
}

# egr_take_sample DIR: takes a sample of everything, for a job that works in DIR.
egr_take_sample() {
  local text zone
  egr_sample_processors
  egr_sample_memory
  egr_sample_disks "$1"
  IFS= read -rd '' text </proc/vmstat
  # Since Linux 4.13; counts all processes on the machine, including those in containers.
  ! egr_read_count oom_kill || killed_at=$EGR_COUNT
  # How often an allocation stalled because the machine itself was short of memory, whatever a container's limit is.
  stalls_at=0
  for zone in dma dma32 normal movable; do ! egr_read_count allocstall_$zone || ((stalls_at += EGR_COUNT)); done
} 2>/dev/null

egr_sample_processors() {
  local ticks total idle
  # user nice system idle iowait irq softirq steal; guests count as users.
  read -ra ticks </proc/stat
  total=$((ticks[1] + ticks[2] + ticks[3] + ticks[4] + ticks[5] + ticks[6] + ticks[7] + ticks[8]))
  idle=$((ticks[4] + ticks[5]))
  if ((cpu_at && total > cpu_at)); then
    egr_compute_shares $((total - cpu_at)) $((idle - idle_at)) $((ticks[8] - steal_at))
    egr_raise_max cpu_peak $EGR_BUSY
    egr_raise_max steal_peak $EGR_STOLEN
  fi
  cpu_at=$total idle_at=$idle steal_at=$((ticks[8]))
  read -r ticks _ </proc/loadavg
  egr_raise_max load $((10#${ticks/./}))
}

# egr_compute_shares TICKS IDLE STOLEN: sets EGR_BUSY and EGR_STOLEN to the shares of the ticks. The kernel's idle time
# can decrease a little.
egr_compute_shares() {
  EGR_STOLEN=$((100 * $3 / $1)) EGR_BUSY=$((100 - 100 * ($2 + $3) / $1))
  ((EGR_STOLEN >= 0)) || EGR_STOLEN=0
  ((EGR_BUSY <= 100)) || EGR_BUSY=100
  ((EGR_BUSY >= 0)) || EGR_BUSY=0
}

egr_sample_memory() {
  local used=0 peak
  IFS= read -rd '' text </proc/meminfo
  ! egr_read_count MemTotal || memory=$EGR_COUNT
  ! egr_read_count MemAvailable || used=$((memory - EGR_COUNT))
  ! egr_read_count SwapTotal || swap=$EGR_COUNT
  ! egr_read_count SwapFree || egr_raise_max swap_peak $((swap - EGR_COUNT))
  if [ -n "$EGR_GROUP" ]; then
    ((EGR_LIMIT < memory)) || EGR_LIMIT=''
    [ -z "$EGR_LIMIT" ] || egr_sample_group
    # This peak includes the kernel's file cache. A peak from before the job says nothing about the job.
    if read -r peak <"$EGR_GROUP/memory.${EGR_FILES[2]}"; then
      peak=$((peak / 1024))
      : "${cached_from:=$peak}"
      ((peak <= cached_from)) || egr_raise_max cached_peak $peak
    fi
  fi
  egr_raise_max memory_peak $used
}

# egr_sample_group: samples a control group with less memory than the machine, without the kernel's file cache.
egr_sample_group() {
  local kept
  memory=$EGR_LIMIT
  read -r used <"$EGR_GROUP/memory.${EGR_FILES[0]}" || return
  IFS= read -rd '' text <"$EGR_GROUP/memory.stat"
  ! egr_read_count "${EGR_FILES[3]}" || kept=$EGR_COUNT
  ! egr_read_count "${EGR_FILES[4]}" || kept=$((kept - EGR_COUNT))
  used=$(((used - kept) / 1024))
}

# egr_sample_disks DIR: samples the fullest of the disks. Space that only root may use does not count as free.
egr_sample_disks() {
  local size free nodes left
  while read -r size free nodes left; do
    [[ $size != *[!0-9]* && $size != 0 ]] || continue
    ((disk && (size - free) * 1000 / size <= disk_peak * 1000 / disk)) || disk=$size disk_peak=$((size - free))
    [[ $nodes = *[!0-9]* || $nodes = 0 ]] || egr_raise_max inodes $((100 * (nodes - left) / nodes))
  done < <(df -k --output=size,avail,itotal,iavail / "$1")
}

# egr_compute_result: computes the job's seconds and the limits that it met.
egr_compute_result() {
  local up full=0 EGR_BUSY=0 EGR_STOLEN=0
  read -r up _ </proc/uptime
  seconds=$((${up%.*} - begin)) limits=
  ((cpu_at <= cpu_from)) || egr_compute_shares $((cpu_at - cpu_from)) $((idle_at - idle_from)) $((steal_at - steal_from))
  cpu=$EGR_BUSY steal=$EGR_STOLEN
  [ -z "$killed_at" ] || killed=$((killed_at - killed_from))
  if ((killed)); then
    if [ -n "$EGR_LIMIT" ]; then
      # Files may have filled the group before the job: then its peak does not rise any more, and it counts as full.
      ((cached_from * 100 < EGR_LIMIT * 99)) || cached_peak=$cached_from
      ((full = cached_peak * 100 >= EGR_LIMIT * 99))
    else
      ((full = stalls_at > stalls_from))
    fi
    # Before it kills, the kernel drops its file cache: then its own peak is what was used.
    ((!full)) || egr_raise_max memory_peak $((cached_peak < memory ? cached_peak : memory))
    # If a container met its own limit, that does not mean that the machine had too little.
    ((full)) || limits+=,container
  fi
  ((!full && memory_peak * 100 < memory * 95)) || limits+=,memory
  ((cpu < 95 || load < cores * 200)) || limits+=,cpu
  ((steal < 10)) || limits+=,steal
  ((disk == 0 || disk_peak * 100 < disk * 95 && inodes < 95)) || limits+=,disk
  ((swap_peak * 100 < swap * 80 || swap == 0)) || limits+=,swap
  limits=${limits#,}
}

# A folder on one Nomad client that outlives the tasks that use it: nomad volume create examples/volume.hcl
name      = "notes"
type      = "host"
plugin_id = "mkdir"

capability {
  access_mode     = "single-node-writer"
  attachment_mode = "file-system"
}

# Without these the folder belongs to root with mode 0700, and no task can write there. Tasks of the exec driver run
# as "nobody", uid 65534, unless the job says otherwise; for a docker image it is the user that the image runs as.
parameters {
  uid = "65534"
}

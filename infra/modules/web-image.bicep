// The image that the dashboard runs now, so that provisioning again does not put the placeholder back.

param appName string
param exists bool

resource app 'Microsoft.App/containerApps@2025-07-01' existing = if (exists) {
  name: appName
}

output image string = exists ? app.properties.template.containers[0].image : 'mcr.microsoft.com/k8se/quickstart:latest'

// The dashboard on Container Apps, behind the platform's own sign-in.

param location string
param tags object
param names object
param size object

@description('What the dashboard reads from its environment: services/settings.py.')
param settings object

param image string

@description('Whether image is the dashboard and no placeholder: only that one answers the probes.')
param exists bool

param identityId string
param identityClientId string
param registryServer string
param auditKeyUrl string
param cookieSecretUrl string
param workspaceId string

@description('The app registration that people sign in to. Empty: the dashboard is reached from inside its environment only.')
param authClientId string

@description('Host name of the Front Door endpoint before the dashboard. Empty: there is none.')
param frontDoorHost string

@description('The subnet of the environment. Empty: no network isolation.')
param subnetId string

var port = 8501
var health = '/_stcore/health'
var host = '${names.web}.${apps.properties.defaultDomain}'
// Streamlit splits at blanks; with a comma between them nobody's connection would be accepted.
var hosts = empty(frontDoorHost) ? host : '${host} ${frontDoorHost}'
var state = '/var/relaydeck'

var own = {
  AZURE_CLIENT_ID: identityClientId
  RELAYDECK_AUTH: 'easyauth'
  RELAYDECK_AUTH_CLIENT_ID: authClientId
  RELAYDECK_AUTH_TENANT_ID: subscription().tenantId
  RELAYDECK_LOG_FORMAT: 'json'
  RELAYDECK_STATE_DIR: state
  RELAYDECK_WITHOUT_SETTINGS: 'exit'
  STREAMLIT_BROWSER_SERVER_ADDRESS: empty(frontDoorHost) ? host : frontDoorHost
  STREAMLIT_SERVER_ADDRESS: '0.0.0.0'
  STREAMLIT_SERVER_ALLOWED_HOSTS: hosts
  STREAMLIT_SERVER_HEADLESS: 'true'
  STREAMLIT_SERVER_PORT: string(port)
}

// An unknown path answers 200 as well, with the start page: the path must be exactly this one.
var probes = [
  {
    type: 'Startup'
    httpGet: { path: health, port: port }
    periodSeconds: 5
    failureThreshold: 30
  }
  {
    type: 'Liveness'
    httpGet: { path: health, port: port }
    periodSeconds: 15
    failureThreshold: 4
    timeoutSeconds: 5
  }
  {
    type: 'Readiness'
    httpGet: { path: health, port: port }
    periodSeconds: 10
    failureThreshold: 3
    timeoutSeconds: 5
  }
]

resource apps 'Microsoft.App/managedEnvironments@2025-07-01' = {
  name: '${names.web}-environment'
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: {
      destination: 'azure-monitor'
    }
    vnetConfiguration: empty(subnetId) ? null : { infrastructureSubnetId: subnetId, internal: false }
    workloadProfiles: [
      { name: 'Consumption', workloadProfileType: 'Consumption' }
    ]
    zoneRedundant: size.zoneRedundant && !empty(subnetId)
  }
}

resource app 'Microsoft.App/containerApps@2025-07-01' = {
  name: names.web
  location: location
  tags: union(tags, { 'azd-service-name': 'web' })
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    managedEnvironmentId: apps.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single' // sticky sessions want it
      ingress: {
        allowInsecure: false
        external: !empty(authClientId) // without sign-in nobody outside may reach it
        stickySessions: {
          affinity: 'sticky'
        }
        targetPort: port
        transport: 'auto'
      }
      registries: [
        { server: registryServer, identity: identityId }
      ]
      secrets: [
        { name: 'audit-key', keyVaultUrl: auditKeyUrl, identity: identityId }
        { name: 'cookie-secret', keyVaultUrl: cookieSecretUrl, identity: identityId }
      ]
    }
    template: {
      terminationGracePeriodSeconds: 60
      containers: [
        {
          name: 'dashboard'
          image: image
          env: concat(map(items(union(settings, own)), setting => { name: setting.key, value: setting.value }), [
            { name: 'RELAYDECK_AUDIT_KEY', secretRef: 'audit-key' }
            { name: 'STREAMLIT_SERVER_COOKIE_SECRET', secretRef: 'cookie-secret' }
          ])
          probes: exists ? probes : []
          resources: {
            cpu: json(size.webCpu)
            memory: size.webMemory
          }
          volumeMounts: [
            { volumeName: 'state', mountPath: state }
          ]
        }
      ]
      scale: {
        minReplicas: exists ? size.webMinReplicas : 0 // nothing waits for a placeholder to get ready
        maxReplicas: size.webMaxReplicas
        cooldownPeriod: 1800 // whoever reads for a while keeps the session
        rules: [
          {
            name: 'tabs'
            http: {
              metadata: {
                concurrentRequests: '25' // each open tab is one connection
              }
            }
          }
        ]
      }
      volumes: [
        { name: 'state', storageType: 'EmptyDir' }
      ]
    }
  }
}

resource signIn 'Microsoft.App/containerApps/authConfigs@2025-07-01' = if (!empty(authClientId)) {
  parent: app
  name: 'current'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      // Front Door asks whether the region lives, and cannot sign in. The answer tells nothing but that.
      excludedPaths: empty(frontDoorHost) ? [] : [health]
    }
    httpSettings: {
      requireHttps: true
      forwardProxy: {
        convention: empty(frontDoorHost) ? 'NoProxy' : 'Standard'
      }
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: authClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${subscription().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [authClientId]
        }
      }
    }
  }
}

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: apps
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'ContainerAppConsoleLogs', enabled: true }
      { category: 'ContainerAppSystemLogs', enabled: true }
    ]
  }
}

output id string = app.id
output host string = host

// Everything that Relaydeck runs on, in one resource group. Names, sizes and order are decided here; each module makes the
// resources of one noun. docs/deploy.md tells what the parameters do.

targetScope = 'subscription'

@description('The name of the azd environment.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Where everything is. The region must have the model, Flex Consumption and the standard agent setup.')
@allowed([
  'australiaeast'
  'brazilsouth'
  'eastus'
  'eastus2'
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'japaneast'
  'koreacentral'
  'norwayeast'
  'southafricanorth'
  'southcentralus'
  'southeastasia'
  'southindia'
  'swedencentral'
  'uaenorth'
  'uksouth'
  'westeurope'
  'westus'
  'westus2'
  'westus3'
])
@metadata({
  azd: {
    type: 'location'
    usageName: ['OpenAI.GlobalStandard.gpt-4.1,30']
  }
})
param location string

@description('Which row of the size table: what is spent, and what is lost when something breaks.')
@allowed(['dev', 'test', 'prod'])
param environmentType string = 'dev'

@description('Private addresses for everything that is called. Whoever deploys must then be in the network, too.')
param networkIsolation bool = false

@description('The first two numbers of the network, with networkIsolation.')
param addressPrefix string = '10.80'

param modelName string = 'gpt-4.1'
param modelVersion string = '2025-04-14'
param modelSku string = 'GlobalStandard'

@description('In thousands of tokens a minute.')
param modelCapacity int = 30

@description('The app registration that people sign in to. Empty: nobody reaches the dashboard.')
param authClientId string = ''

@description('Whether operators may work on poison in the dashboard.')
param poisonDesk bool = true

@description('Where alerts and the budget\'s messages go to. Empty: nowhere.')
param alertEmail string = ''

@description('In the currency of the subscription, for a month. 0: no budget.')
param budgetAmount int = 0

@description('The first day of the month in which the budget was made; kept by the hook before provisioning.')
param budgetStart string = '2026-11-01'

@description('Host name of the dashboard of another environment, in another region: Front Door then stands before both.')
param secondaryHost string = ''

@description('Host name of the Front Door of another environment, which has this one as its second region.')
param frontDoorHost string = ''

@description('Signs the audit trail. Kept by the hook before provisioning.')
@secure()
param auditKey string

@description('Signs the cookies of all replicas. Kept by the hook before provisioning.')
@secure()
param cookieSecret string

@description('Who deploys; gets what it takes to run the dashboard at home against this environment. Empty: nobody does.')
param principalId string = ''

@allowed(['User', 'ServicePrincipal', 'Group'])
param principalType string = 'User'

@description('Set by azd: whether the dashboard was deployed before.')
param webExists bool = false

var sizes = {
  dev: {
    alerts: false
    auditRetentionDays: 90
    cosmosServerless: true
    functionInstances: 40
    functionMemoryMB: 512
    functionsAlwaysReady: 0
    locks: false
    registrySku: 'Basic'
    retentionDays: 30
    searchReplicas: 1
    searchSku: 'basic'
    storageSku: 'Standard_LRS'
    webCpu: '0.5'
    webMaxReplicas: 1
    webMemory: '1Gi'
    webMinReplicas: 0
    zoneRedundant: false
  }
  test: {
    alerts: true
    auditRetentionDays: 90
    cosmosServerless: true
    functionInstances: 40
    functionMemoryMB: 2048
    functionsAlwaysReady: 0
    locks: false
    registrySku: 'Basic'
    retentionDays: 30
    searchReplicas: 1
    searchSku: 'basic'
    storageSku: 'Standard_LRS'
    webCpu: '1.0'
    webMaxReplicas: 2
    webMemory: '2Gi'
    webMinReplicas: 1
    zoneRedundant: false
  }
  prod: {
    alerts: true
    auditRetentionDays: 365
    cosmosServerless: false
    functionInstances: 100
    functionMemoryMB: 2048
    functionsAlwaysReady: 1
    locks: true
    registrySku: 'Standard'
    retentionDays: 90
    searchReplicas: 3
    searchSku: 'standard'
    storageSku: 'Standard_ZRS'
    webCpu: '1.0'
    webMaxReplicas: 5
    webMemory: '2Gi'
    webMinReplicas: 2
    zoneRedundant: true
  }
}

// As in services/agents/catalogue.py: a test compares them.
var tools = ['foo', 'calculate', 'order_status']
var orderedTools = []

var size = sizes[environmentType]
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var names = {
  agentStorage: 'stagents${token}'
  alert: 'relaydeck-${token}'
  auditRule: 'dcr-audit-${token}'
  budget: 'relaydeck-${token}'
  cosmos: 'cosmos-${token}'
  firewall: 'waf${token}'
  foundry: 'foundry-${token}'
  frontDoor: 'relaydeck-${token}'
  function: 'func-${token}'
  identity: 'id-${token}'
  insights: 'appi-${token}'
  network: 'vnet-${token}'
  project: 'relaydeck'
  registry: 'cr${token}'
  search: 'srch-${token}'
  toolStorage: 'sttools${token}'
  vault: 'kv-${token}'
  web: 'web-${token}'
  workspace: 'log-${token}'
}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
    size: size
    webPrincipalId: identities.outputs.webPrincipalId
    deployerId: principalId
    deployerType: principalType
  }
}

module audit 'modules/audit.bicep' = {
  name: 'audit'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
    workspaceName: monitoring.outputs.workspaceName
    retentionDays: size.auditRetentionDays
    webPrincipalId: identities.outputs.webPrincipalId
    deployerId: principalId
    deployerType: principalType
  }
}

module secrets 'modules/secrets.bicep' = {
  name: 'secrets'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
    size: size
    webPrincipalId: identities.outputs.webPrincipalId
    networkIsolation: networkIsolation
    workspaceId: monitoring.outputs.workspaceId
    auditKey: auditKey
    cookieSecret: cookieSecret
  }
}

module network 'modules/network.bicep' = if (networkIsolation) {
  name: 'network'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
    addressPrefix: addressPrefix
  }
}

module toolStorage 'modules/tool-storage.bicep' = {
  name: 'tool-storage'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
    size: size
    tools: tools
    orderedTools: orderedTools
    environmentType: environmentType
    networkIsolation: networkIsolation
    workspaceId: monitoring.outputs.workspaceId
  }
}

module toolRoles 'modules/tool-roles.bicep' = {
  name: 'tool-roles'
  scope: group
  params: {
    accountName: toolStorage.outputs.accountName
    tools: tools
    orderQueues: toolStorage.outputs.orderQueues
    leaseQueue: toolStorage.outputs.leaseQueue
    webPrincipalId: identities.outputs.webPrincipalId
    functionPrincipalId: identities.outputs.functionPrincipalId
    projectPrincipalId: identities.outputs.projectPrincipalId
    poisonDesk: poisonDesk
    deployerId: principalId
    deployerType: principalType
  }
}

module agentStores 'modules/agent-stores.bicep' = {
  name: 'agent-stores'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
    size: size
    projectPrincipalId: identities.outputs.projectPrincipalId
    networkIsolation: networkIsolation
    workspaceId: monitoring.outputs.workspaceId
  }
}

module foundry 'modules/foundry.bicep' = {
  name: 'foundry'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
    model: { name: modelName, version: modelVersion, sku: modelSku, capacity: modelCapacity }
    projectIdentityId: identities.outputs.projectId
    webPrincipalId: identities.outputs.webPrincipalId
    networkIsolation: networkIsolation
    agentSubnetId: networkIsolation ? network.outputs.agentSubnetId : ''
    workspaceId: monitoring.outputs.workspaceId
    deployerId: principalId
    deployerType: principalType
  }
}

// Private addresses of what the agents call must be there before the capability host is made.
module endpoints 'modules/private-endpoints.bicep' = if (networkIsolation) {
  name: 'private-endpoints'
  scope: group
  params: {
    location: location
    tags: tags
    subnetId: networkIsolation ? network.outputs.endpointSubnetId : ''
    zoneNames: networkIsolation ? network.outputs.zoneNames : {}
    toolStorageId: toolStorage.outputs.accountId
    agentStorageId: agentStores.outputs.storageId
    cosmosId: agentStores.outputs.cosmosId
    searchId: agentStores.outputs.searchId
    foundryId: foundry.outputs.accountId
    vaultId: secrets.outputs.vaultId
    registryId: registry.outputs.registryId
  }
}

// All roles come first: the minutes that this one takes are also those in which they spread.
module capabilityHost 'modules/capability-host.bicep' = {
  name: 'capability-host'
  scope: group
  params: {
    foundryName: foundry.outputs.accountName
    projectName: foundry.outputs.projectName
    projectPrincipalId: identities.outputs.projectPrincipalId
    cosmosName: agentStores.outputs.cosmosName
    searchName: agentStores.outputs.searchName
    storageName: agentStores.outputs.storageName
    insightsName: monitoring.outputs.insightsName
  }
  dependsOn: [
    toolRoles
    audit
    registry
    endpoints
  ]
}

module functionApp 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
    size: size
    tools: tools
    identityId: identities.outputs.functionId
    identityClientId: identities.outputs.functionClientId
    blobEndpoint: toolStorage.outputs.blobEndpoint
    queueEndpoint: toolStorage.outputs.queueEndpoint
    packageContainer: toolStorage.outputs.packageContainer
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    workspaceId: monitoring.outputs.workspaceId
    subnetId: networkIsolation ? network.outputs.functionSubnetId : ''
  }
  dependsOn: [
    capabilityHost
  ]
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
    size: size
    webPrincipalId: identities.outputs.webPrincipalId
    networkIsolation: networkIsolation
  }
}

module webImage 'modules/web-image.bicep' = {
  name: 'web-image'
  scope: group
  params: {
    appName: names.web
    exists: webExists
  }
}

module frontDoor 'modules/front-door.bicep' = if (!empty(secondaryHost)) {
  name: 'front-door'
  scope: group
  params: {
    tags: tags
    names: names
  }
}

// What the dashboard reads; the outputs below are the same, so that `azd env get-values` is a .env for a run at home.
var settings = {
  RELAYDECK_MODE: 'azure'
  RELAYDECK_ENVIRONMENT: environmentType
  PROJECT_ENDPOINT_ENT: foundry.outputs.projectEndpoint
  MODEL_DEPLOYMENT_NAME: foundry.outputs.deploymentName
  STORAGE_SERVICE_ENDPOINT: toolStorage.outputs.queueEndpoint
  APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.insightsConnectionString
  RELAYDECK_LOGS_WORKSPACE: monitoring.outputs.workspaceCustomerId
  RELAYDECK_METRICS_ENDPOINT: 'https://${location}.metrics.monitor.azure.com'
  RELAYDECK_STORAGE_RESOURCE_ID: toolStorage.outputs.accountId
  RELAYDECK_FOUNDRY_RESOURCE_ID: foundry.outputs.projectId
  RELAYDECK_AUDIT: 'on'
  RELAYDECK_AUDIT_ENDPOINT: audit.outputs.endpoint
  RELAYDECK_AUDIT_RULE_ID: audit.outputs.ruleId
  RELAYDECK_AUDIT_RETENTION_D: string(size.auditRetentionDays)
}

module web 'modules/web.bicep' = {
  name: 'web'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
    size: size
    settings: settings
    image: webImage.outputs.image
    exists: webExists
    identityId: identities.outputs.webId
    identityClientId: identities.outputs.webClientId
    registryServer: registry.outputs.loginServer
    auditKeyUrl: secrets.outputs.auditKeyUrl
    cookieSecretUrl: secrets.outputs.cookieSecretUrl
    workspaceId: monitoring.outputs.workspaceId
    authClientId: authClientId
    frontDoorHost: !empty(secondaryHost) ? frontDoor.outputs.host : frontDoorHost
    subnetId: networkIsolation ? network.outputs.webSubnetId : ''
  }
  dependsOn: [
    capabilityHost
  ]
}

module frontDoorRoutes 'modules/front-door-routes.bicep' = if (!empty(secondaryHost)) {
  name: 'front-door-routes'
  scope: group
  params: {
    profileName: !empty(secondaryHost) ? frontDoor.outputs.profileName : ''
    endpointName: !empty(secondaryHost) ? frontDoor.outputs.endpointName : ''
    primaryHost: web.outputs.host
    secondaryHost: secondaryHost
  }
}

module alerts 'modules/alerts.bicep' = if (size.alerts) {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    names: names
    workspaceId: monitoring.outputs.workspaceId
    webAppId: web.outputs.id
    email: alertEmail
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module budget 'modules/budget.bicep' = if (budgetAmount > 0 && !empty(alertEmail)) {
  name: 'budget'
  scope: group
  params: {
    names: names
    amount: budgetAmount
    startDate: budgetStart
    email: alertEmail
  }
}

// On the subscription: Azure Monitor is asked for several resources at once, which it allows only there.
var roles = loadJsonContent('roles.json')

resource webReadsMetrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, names.web, roles.monitoringReader)
  properties: {
    principalId: identities.outputs.webPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringReader)
  }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = registry.outputs.loginServer
output RELAYDECK_WEB_HOST string = web.outputs.host
output RELAYDECK_FRONT_DOOR_HOST string = !empty(secondaryHost) ? frontDoor.outputs.host : ''
output RELAYDECK_FUNCTION_APP string = functionApp.outputs.name

output RELAYDECK_MODE string = settings.RELAYDECK_MODE
output RELAYDECK_ENVIRONMENT string = settings.RELAYDECK_ENVIRONMENT
output PROJECT_ENDPOINT_ENT string = settings.PROJECT_ENDPOINT_ENT
output MODEL_DEPLOYMENT_NAME string = settings.MODEL_DEPLOYMENT_NAME
output STORAGE_SERVICE_ENDPOINT string = settings.STORAGE_SERVICE_ENDPOINT
output APPLICATIONINSIGHTS_CONNECTION_STRING string = settings.APPLICATIONINSIGHTS_CONNECTION_STRING
output RELAYDECK_LOGS_WORKSPACE string = settings.RELAYDECK_LOGS_WORKSPACE
output RELAYDECK_METRICS_ENDPOINT string = settings.RELAYDECK_METRICS_ENDPOINT
output RELAYDECK_STORAGE_RESOURCE_ID string = settings.RELAYDECK_STORAGE_RESOURCE_ID
output RELAYDECK_FOUNDRY_RESOURCE_ID string = settings.RELAYDECK_FOUNDRY_RESOURCE_ID
output RELAYDECK_AUDIT string = settings.RELAYDECK_AUDIT
output RELAYDECK_AUDIT_ENDPOINT string = settings.RELAYDECK_AUDIT_ENDPOINT
output RELAYDECK_AUDIT_RULE_ID string = settings.RELAYDECK_AUDIT_RULE_ID
output RELAYDECK_AUDIT_RETENTION_D string = settings.RELAYDECK_AUDIT_RETENTION_D

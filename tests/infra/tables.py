"""What infra/ is held to, as data: roles and who may have them where, what each kind of resource must say, how long names may be."""

from collections.abc import Mapping
from typing import Any

# Microsoft's names, by learn.microsoft.com/azure/role-based-access-control/built-in-roles (Foundry User was Azure AI User).
ROLES: Mapping[str, str] = {
    "acrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "cosmosDbOperator": "230815da-be43-4aae-9cb4-875f7bd000aa",
    "foundryUser": "53ca6127-db72-4b80-b1b0-d745d6d5456d",
    "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
    "logAnalyticsDataReader": "3b03c2da-16b3-4a49-8834-0f8130efdd3b",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "monitoringReader": "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
    "searchIndexDataContributor": "8ebe5a00-799e-43f5-93ac-243d3dce84a7",
    "searchServiceContributor": "7ca78c08-252a-4471-8644-bb5ff32d4ba0",
    "storageBlobDataContributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageQueueDataMessageSender": "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
    "storageQueueDataReader": "19e7f393-937e-4f77-808e-94535e297925",
}
# (who, role): the kind of resource, or the ending of the queue, that it may be given on.
GRANTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("function", "storageBlobDataOwner"): ("Microsoft.Storage/storageAccounts:sttools",),
    ("function", "storageQueueDataContributor"): ("-input›", "relaydeck-order-"),
    ("function", "storageQueueDataMessageSender"): ("-output›", "-input-poison›"),
    ("project", "cosmosDbOperator"): ("Microsoft.DocumentDB/databaseAccounts:",),
    ("project", "searchIndexDataContributor"): ("Microsoft.Search/searchServices:",),
    ("project", "searchServiceContributor"): ("Microsoft.Search/searchServices:",),
    ("project", "storageBlobDataContributor"): ("Microsoft.Storage/storageAccounts:stagents",),
    ("project", "storageQueueDataContributor"): ("-input›", "-output›"),
    ("web", "acrPull"): ("Microsoft.ContainerRegistry/registries:",),
    ("web", "foundryUser"): ("Microsoft.CognitiveServices/accounts/projects:",),
    ("web", "keyVaultSecretsUser"): ("Microsoft.KeyVault/vaults/secrets:",),
    ("web", "logAnalyticsDataReader"): ("Microsoft.OperationalInsights/workspaces:",),
    ("web", "monitoringMetricsPublisher"): ("Microsoft.Insights/dataCollectionRules:",),
    ("web", "monitoringReader"): ("subscription",),
    ("web", "storageQueueDataContributor"): ("-input-poison›", "relaydeck-lease-"),
    ("web", "storageQueueDataMessageSender"): ("-input›",),
    ("web", "storageQueueDataReader"): ("Microsoft.Storage/storageAccounts:sttools",),
    ("deployer", "foundryUser"): ("Microsoft.CognitiveServices/accounts/projects:",),
    ("deployer", "logAnalyticsDataReader"): ("Microsoft.OperationalInsights/workspaces:",),
    ("deployer", "monitoringMetricsPublisher"): ("Microsoft.Insights/dataCollectionRules:",),
    ("deployer", "storageQueueDataReader"): ("Microsoft.Storage/storageAccounts:sttools",),
}
# What each kind of resource must say, in every size: keys off, nothing public that need not be.
MUST: Mapping[str, Mapping[str, Any]] = {
    "Microsoft.Storage/storageAccounts": {
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": False,
        "defaultToOAuthAuthentication": True,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    },
    "Microsoft.CognitiveServices/accounts": {"disableLocalAuth": True, "allowProjectManagement": True},
    "Microsoft.DocumentDB/databaseAccounts": {"disableLocalAuth": True, "minimalTlsVersion": "Tls12"},
    "Microsoft.Search/searchServices": {"disableLocalAuth": True},
    "Microsoft.ContainerRegistry/registries": {"adminUserEnabled": False, "anonymousPullEnabled": False},
    "Microsoft.KeyVault/vaults": {"enableRbacAuthorization": True, "enableSoftDelete": True},
    "Microsoft.Web/sites": {"httpsOnly": True},
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"allow": False},
    "Microsoft.OperationalInsights/workspaces": {"features.disableLocalAuth": True},
    "Microsoft.App/containerApps": {
        "configuration.ingress.allowInsecure": False,
        "configuration.ingress.stickySessions.affinity": "sticky",
        "configuration.activeRevisionsMode": "Single",
    },
    "Microsoft.CognitiveServices/accounts/projects/connections": {
        "authType": "AAD",
        "metadata.ApiType": "Azure",
    },
}
# The service offers no other way to sign in for traces; a connection string allows writing them and nothing else.
MUST_NOT = {("traces", "authType")}
PRIVATE = (
    "Microsoft.Storage/storageAccounts",
    "Microsoft.CognitiveServices/accounts",
    "Microsoft.DocumentDB/databaseAccounts",
    "Microsoft.Search/searchServices",
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.KeyVault/vaults",
)
LOGGED = (
    "Microsoft.CognitiveServices/accounts",
    "Microsoft.DocumentDB/databaseAccounts",
    "Microsoft.KeyVault/vaults",
    "Microsoft.Storage/storageAccounts/queueServices",
    "Microsoft.Web/sites",
    "Microsoft.App/managedEnvironments",
)
LONGEST_NAME: Mapping[str, int] = {
    "Microsoft.Storage/storageAccounts": 24,
    "Microsoft.KeyVault/vaults": 24,
    "Microsoft.App/containerApps": 32,
    "Microsoft.DocumentDB/databaseAccounts": 44,
    "Microsoft.ContainerRegistry/registries": 50,
    "Microsoft.Web/sites": 60,
    "Microsoft.Search/searchServices": 60,
    "Microsoft.CognitiveServices/accounts": 64,
}

"""The resource types of FHIR R4 that hold no clinical fact about one subject, and why."""

from __future__ import annotations

_REASONS = {
    "billing, not a clinical fact": """Account ChargeItem ChargeItemDefinition Claim ClaimResponse
        Contract Coverage CoverageEligibilityRequest CoverageEligibilityResponse EnrollmentRequest
        EnrollmentResponse ExplanationOfBenefit InsurancePlan Invoice PaymentNotice
        PaymentReconciliation""",
    "not about a subject": """CareTeam Device DeviceMetric DeviceDefinition Endpoint Group
        HealthcareService Location Organization OrganizationAffiliation Person Practitioner
        PractitionerRole RelatedPerson Schedule Slot Substance VerificationResult""",
    "a plan or a request, not a fact": """Appointment AppointmentResponse CarePlan
        CommunicationRequest DeviceRequest Goal NutritionOrder RequestGroup ServiceRequest
        SupplyRequest Task VisionPrescription ImmunizationRecommendation""",
    "a definition, not a fact": """ActivityDefinition CapabilityStatement CatalogEntry CodeSystem
        CompartmentDefinition ConceptMap EffectEvidenceSynthesis EventDefinition Evidence
        EvidenceVariable ExampleScenario GraphDefinition ImplementationGuide Library Measure
        MessageDefinition NamingSystem ObservationDefinition OperationDefinition PlanDefinition
        Questionnaire ResearchDefinition ResearchElementDefinition RiskEvidenceSynthesis
        SearchParameter SpecimenDefinition StructureDefinition StructureMap TerminologyCapabilities
        TestScript ValueSet""",
    "about drugs in general, not a subject": """BiologicallyDerivedProduct MedicationKnowledge
        MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication
        MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction
        MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical
        MedicinalProductUndesirableEffect SubstanceNucleicAcid SubstancePolymer SubstanceProtein
        SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification""",
    "administrative, not a clinical fact": """AuditEvent Basic Communication Composition Consent
        EpisodeOfCare Flag Linkage List MeasureReport MessageHeader OperationOutcome Parameters
        Provenance ResearchStudy ResearchSubject Subscription SupplyDelivery TestReport
        DocumentManifest""",
    "not read": """AdverseEvent Binary BodyStructure ClinicalImpression DetectedIssue
        DeviceUseStatement FamilyMemberHistory GuidanceResponse ImagingStudy ImmunizationEvaluation
        Media MolecularSequence QuestionnaireResponse RiskAssessment Specimen""",
}
SKIPPED = {
    name: f"{name}: {reason}" for reason, names in _REASONS.items() for name in names.split()
}
